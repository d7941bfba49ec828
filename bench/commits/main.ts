// How long from a barrier until its files are visible in a bucket or in HDFS, and how long does a start take that finds files to commit? See ../README.md.
import { parseArgs } from 'node:util';
import { kafkaClient } from '../../test/services/broker.ts';
import { createTopic } from '../../test/services/kafka.ts';
import { auditOutput, faultsOf, isExact, Ledger, LedgerProducer } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { pinHarness, placement } from '../machine.ts';
import { ensureTopic, ledgerOf, topicOf, type Workload } from '../topic.ts';
import { type Place, type Server, useServer } from './place.ts';
import type { Job, Report } from './program.ts';
import { printCommits, printRestores, type Restore } from './report.ts';
import { run, runToEnd } from './run.ts';

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    sink: { type: 'string', default: 's3' },
    rate: { type: 'string', default: '2000' },
    checkpoints: { type: 'string', default: '60' },
    pending: { type: 'string', default: '0,100,1000' },
    files: { type: 'string', default: '0' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'latency,restore' },
  },
});

const RECORDS_PER_FILE = 10;
/** Requests at a time that put files where a start finds them. */
const LANES = 16;

const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
let server: Server | undefined;
try {
  server = await useServer(options.sink);
  const { inPlace } = server;
  console.log(`${how}, ${server.how}; ${placement(pinning)}; Node ${process.version}`);
  if (options.only.includes('latency')) {
    const { commits, requests } = await inPlace(measureCommits);
    printCommits(`${options.rate} records/s`, commits, requests);
  }
  if (options.only.includes('restore')) {
    const restores: Restore[] = [];
    for (let round = 0; round < Number(options.runs); round++)
      for (const pending of options.pending.split(',').map(Number))
        for (const files of options.files.split(',').map(Number))
          restores.push(await inPlace((place) => measureRestore(place, pending, files)));
    printRestores(restores);
  }
} finally {
  await server?.stop();
  await stop();
}

/** One pipeline with a checkpoint every second that keeps up with a producer. */
async function measureCommits(place: Place): Promise<Report> {
  const topic = `c${Date.now()}`;
  const partitions = 8;
  await createTopic(brokers, { topic, partitions });
  const ledger = new Ledger();
  const producer = new LedgerProducer({ kafka: kafkaClient(brokers), ledger, topic, partitions });
  const ending = new AbortController();
  const recordsPerSecond = Number(options.rate);
  const producing = producer.run({ signal: ending.signal, recordsPerSecond, transactionShare: 0 });
  const job = jobIn(place, topic, '1s');
  try {
    const report = await runToEnd(
      { ...job, how: { kind: 'measures', checkpoints: Number(options.checkpoints) } },
      pinning,
    );
    ending.abort();
    await producing;
    await runToEnd(job, pinning);
    await audit(place, ledger, 1);
    return report;
  } finally {
    ending.abort();
    await producing;
    await producer.disconnect();
  }
}

/** A run that dies once a slot names so many files, and the start after it; beside `files` others in the same directory. */
async function measureRestore(place: Place, pending: number, files: number): Promise<Restore> {
  const records = Math.max(1, pending) * RECORDS_PER_FILE;
  const workload: Workload = { records, valueBytes: 100, partitions: 1, codec: 'none' };
  await ensureTopic(brokers, workload, console.log);
  const job = { ...jobIn(place, topicOf(workload), '1h'), rollRecords: RECORDS_PER_FILE };
  // Readers leave out what is hidden, and so does the audit.
  await inParallel(files, (i) => place.putEmpty(`${topicOf(workload)}/_old-${i}`));
  await run(pending === 0 ? job : { ...job, how: { kind: 'dies' } }, pinning);
  const left = await place.staged();
  if (left !== pending) throw new Error(`the first run left ${left} staged files instead of ${pending}`);
  const report = await runToEnd(job, pinning);
  if ((report.restored?.handles ?? 0) !== pending) throw new Error(`restored ${JSON.stringify(report.restored)}`);
  if ((await place.staged()) > 0) throw new Error('a file is still staged');
  await audit(place, ledgerOf(workload), records);
  return { pending, files, report };
}

async function inParallel(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function jobIn({ target }: Place, topic: string, interval: string): Job {
  return { brokers, topic, target, interval, how: { kind: 'finishes' } };
}

async function audit({ output }: Place, ledger: Ledger, recordsMin: number): Promise<void> {
  const verdict = await auditOutput({ root: output, ledger, recordsMin });
  if (!isExact(verdict)) throw new Error(`${JSON.stringify(faultsOf(verdict))}\n${verdict.findings.join('\n')}`);
}
