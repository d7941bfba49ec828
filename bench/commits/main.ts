// How long from a barrier until its files are visible in a bucket, and how long does a start take that finds files to commit? See ../README.md.
import { parseArgs } from 'node:util';
import { kafkaClient } from '../../test/services/broker.ts';
import { createTopic } from '../../test/services/kafka.ts';
import { S3Bucket } from '../../test/services/s3-bucket.ts';
import { auditOutput, faultsOf, isExact, Ledger, LedgerProducer } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { pinHarness, placement } from '../machine.ts';
import { useS3 } from '../s3.ts';
import { ensureTopic, ledgerOf, topicOf, type Workload } from '../topic.ts';
import type { Job, Report } from './program.ts';
import { printCommits, printRestores, type Restore } from './report.ts';
import { run, runToEnd } from './run.ts';

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    rate: { type: 'string', default: '2000' },
    checkpoints: { type: 'string', default: '60' },
    pending: { type: 'string', default: '0,100,1000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'latency,restore' },
  },
});

const PREFIX = 'raw';
const RECORDS_PER_FILE = 10;

const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
let s3: Awaited<ReturnType<typeof useS3>> | undefined;
try {
  s3 = await useS3();
  const { place } = s3;
  console.log(`${how}, ${s3.how}; ${placement(pinning)}; Node ${process.version}`);
  if (options.only.includes('latency')) {
    const { commits, requests } = await inBucket(place, measureCommits);
    printCommits(`${options.rate} records/s`, commits, requests);
  }
  if (options.only.includes('restore')) {
    const restores: Restore[] = [];
    for (let round = 0; round < Number(options.runs); round++)
      for (const pending of options.pending.split(',').map(Number))
        restores.push(await inBucket(place, (bucket) => measureRestore(bucket, pending)));
    printRestores(restores);
  }
} finally {
  await s3?.stop();
  await stop();
}

async function inBucket<T>(
  place: Awaited<ReturnType<typeof useS3>>['place'],
  use: (bucket: S3Bucket) => Promise<T>,
): Promise<T> {
  const bucket = await S3Bucket.create(place, 'bench');
  try {
    return await use(bucket);
  } finally {
    await bucket.remove();
  }
}

/** One pipeline with a checkpoint every second that keeps up with a producer. */
async function measureCommits(bucket: S3Bucket): Promise<Report> {
  const topic = `c${Date.now()}`;
  const partitions = 8;
  await createTopic(brokers, { topic, partitions });
  const ledger = new Ledger();
  const producer = new LedgerProducer({ kafka: kafkaClient(brokers), ledger, topic, partitions });
  const ending = new AbortController();
  const recordsPerSecond = Number(options.rate);
  const producing = producer.run({ signal: ending.signal, recordsPerSecond, transactionShare: 0 });
  const job = jobIn(bucket, topic, '1s');
  try {
    const report = await runToEnd(
      { ...job, how: { kind: 'measures', checkpoints: Number(options.checkpoints) } },
      pinning,
    );
    ending.abort();
    await producing;
    await runToEnd(job, pinning);
    await audit(bucket, ledger, 1);
    return report;
  } finally {
    ending.abort();
    await producing;
    await producer.disconnect();
  }
}

/** A run that dies once a slot names so many files, and the start after it. */
async function measureRestore(bucket: S3Bucket, pending: number): Promise<Restore> {
  const records = Math.max(1, pending) * RECORDS_PER_FILE;
  const workload: Workload = { records, valueBytes: 100, partitions: 1, codec: 'none' };
  await ensureTopic(brokers, workload, console.log);
  const job = { ...jobIn(bucket, topicOf(workload), '1h'), rollRecords: RECORDS_PER_FILE };
  await run(pending === 0 ? job : { ...job, how: { kind: 'dies' } }, pinning);
  const left = (await bucket.uploads()).length;
  if (left !== pending) throw new Error(`the first run left ${left} uploads instead of ${pending}`);
  const report = await runToEnd(job, pinning);
  if ((report.restored?.handles ?? 0) !== pending) throw new Error(`restored ${JSON.stringify(report.restored)}`);
  if ((await bucket.uploads()).length > 0) throw new Error('an upload is still open');
  await audit(bucket, ledgerOf(workload), records);
  return { pending, report };
}

function jobIn(bucket: S3Bucket, topic: string, interval: string): Job {
  const { endpoint, accessKeyId, secretAccessKey } = bucket.place;
  const target = { endpoint, accessKeyId, secretAccessKey, bucket: bucket.name };
  return { brokers, topic, target, prefix: PREFIX, interval, how: { kind: 'finishes' } };
}

async function audit(bucket: S3Bucket, ledger: Ledger, recordsMin: number): Promise<void> {
  const verdict = await auditOutput({ root: bucket.output(PREFIX), ledger, recordsMin });
  if (!isExact(verdict)) throw new Error(`${JSON.stringify(faultsOf(verdict))}\n${verdict.findings.join('\n')}`);
}
