import { findKafka, type KafkaSearch } from './kafka.ts';

let search: KafkaSearch | undefined;

const say = (line: string) => process.stdout.write(`# ${line.replaceAll('\n', '\n# ')}\n`);

/** Runs once before all test files of `npm test`: one broker for all of them. */
export async function globalSetup(): Promise<void> {
  const fromMs = performance.now();
  search = await findKafka(say);
  if (search.kind === 'found') {
    process.env.SLUICE_TEST_KAFKA = search.brokers;
    say(`Kafka: ${search.how}, ${search.brokers}, ready after ${((performance.now() - fromMs) / 1000).toFixed(1)} s`);
    return;
  }
  // Where everything is promised to run, a skipped test is a lie.
  if (process.env.CI === 'true') throw new Error(search.why);
  say(`${search.why}\nTests that need it are skipped.`);
  process.env.SLUICE_TEST_KAFKA_MISSING = search.why;
}

export async function globalTeardown(): Promise<void> {
  if (search?.kind === 'found') await search.stop();
}
