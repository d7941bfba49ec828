import { findKafka, type KafkaSearch } from './kafka.ts';
import { findS3, type S3Search } from './s3.ts';

let searches: readonly [KafkaSearch, S3Search] | undefined;

const say = (line: string) => process.stdout.write(`# ${line.replaceAll('\n', '\n# ')}\n`);

/** Runs once before all test files of `npm test`: one broker and one S3 server for all of them. */
export async function globalSetup(): Promise<void> {
  searches = await Promise.all([timed('Kafka', findKafka), timed('S3', findS3)]);
  const [kafka, s3] = searches;
  if (kafka.kind === 'found') process.env.SLUICE_TEST_KAFKA = kafka.brokers;
  else process.env.SLUICE_TEST_KAFKA_MISSING = mustNotMiss(kafka.why);
  if (s3.kind === 'found') {
    process.env.SLUICE_TEST_S3 = s3.endpoint;
    process.env.SLUICE_TEST_S3_KEY = s3.accessKeyId;
    process.env.SLUICE_TEST_S3_SECRET = s3.secretAccessKey;
  } else process.env.SLUICE_TEST_S3_MISSING = mustNotMiss(s3.why);
}

async function timed<S extends KafkaSearch | S3Search>(
  name: string,
  find: (say: (line: string) => void) => Promise<S>,
): Promise<S> {
  const fromMs = performance.now();
  const search = await find(say);
  if (search.kind === 'none') say(`${search.why}\nTests that need it are skipped.`);
  else {
    const where = 'brokers' in search ? search.brokers : search.endpoint;
    say(`${name}: ${search.how}, ${where}, ready after ${((performance.now() - fromMs) / 1000).toFixed(1)} s`);
  }
  return search;
}

/** Where everything is promised to run, a skipped test is a lie. */
function mustNotMiss(why: string): string {
  if (process.env.CI === 'true') throw new Error(why);
  return why;
}

export async function globalTeardown(): Promise<void> {
  for (const search of searches ?? []) if (search.kind === 'found') await search.stop();
}
