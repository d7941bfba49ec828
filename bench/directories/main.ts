// How large are the files of many directories on S3 with little memory, with and without a spool? See ../README.md.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { kafkaClient } from '../../test/services/broker.ts';
import { S3Bucket } from '../../test/services/s3-bucket.ts';
import { auditOutput, faultsOf, isExact, Ledger } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { median, pinHarness, pinned, placement } from '../machine.ts';
import { useS3 } from '../s3.ts';
import { printTable } from '../table.ts';
import { writeRecords } from '../topic.ts';
import type { DirectoriesMeasurement } from './program.ts';

const MIB = 1024 * 1024;
const VALUE_BYTES = 1024;

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    directories: { type: 'string', default: '200' },
    /** Of each directory. */
    mib: { type: 'string', default: '10' },
    memory: { type: 'string', default: '256MiB' },
    'part-bytes': { type: 'string', default: '8MiB' },
    only: { type: 'string', default: 'early,spool' },
    out: { type: 'string', default: tmpdir() },
  },
});

const directories = Number(options.directories);
const kinds = options.only.split(',');
for (const kind of kinds)
  if (!['early', 'spool'].includes(kind)) throw new Error(`no such run: ${kind} (early, spool)`);
const recordsEach = Math.floor((Number(options.mib) * MIB) / (VALUE_BYTES + 1));
const series = `d${directories}x${recordsEach}`;
const topics = Array.from({ length: directories }, (_, index) => `${series}-${String(index).padStart(4, '0')}`);

const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
const server = await useS3().catch(async (error: unknown) => {
  await stop();
  throw error;
});
const out = mkdtempSync(join(options.out, 'sluice-directories-'));
try {
  console.log(`${how}, ${server.how}; ${placement(pinning)}; Node ${process.version}`);
  await ensureTopics();
  const rows: string[][] = [];
  for (const kind of kinds) rows.push(await measure(kind));
  console.log(
    `\n${directories} directories of ${options.mib} MiB, memory: ${options.memory}, a checkpoint soon after the start and one at the end\n`,
  );
  const sizes = ['smallest MiB', 'median MiB', 'largest MiB'];
  const costs = ['memory peak MiB', 'peak RSS MiB', 'CPU-s', 's'];
  printTable(['', 'files', 'closed early', ...sizes, ...costs], rows);
} finally {
  rmSync(out, { recursive: true, force: true });
  await server.stop();
  await stop();
}

async function measure(kind: string): Promise<string[]> {
  const bucket = await S3Bucket.create(server.place, `directories-${kind}`);
  const { endpoint, accessKeyId, secretAccessKey } = server.place;
  const target = JSON.stringify({ endpoint, accessKeyId, secretAccessKey, bucket: bucket.name });
  const program = fileURLToPath(new URL('./program.ts', import.meta.url));
  const memory = [options.memory, options['part-bytes'], ...(kind === 'spool' ? [join(out, 'spool')] : [])];
  const node = [process.execPath, '--disable-warning=TimeoutNegativeWarning', program];
  const [command = '', ...args] = pinned(pinning, [...node, brokers, `${series}-.*`, target, 'raw', ...memory]);
  const { stdout } = await promisify(execFile)(command, args);
  const measured = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as DirectoriesMeasurement;

  const recordsMin = directories * recordsEach;
  const verdict = await auditOutput({ root: bucket.output('raw'), ledger: ledgerOfAll(), recordsMin });
  if (!isExact(verdict)) throw new Error(`${kind}: ${faultsOf(verdict)}`);
  await bucket.remove();
  const { files, closedEarly, lastBytes, memoryPeakBytes, rssPeakMiB, cpuS, wallS } = measured;
  const sizes = lastBytes.map((bytes) => bytes / MIB);
  const mib = [Math.min(...sizes), median(sizes), Math.max(...sizes)].map((size) => size.toFixed(2));
  const costs = [memoryPeakBytes / MIB, rssPeakMiB, cpuS, wallS].map((cost) => cost.toFixed(0));
  return [kind, String(files), String(closedEarly), ...mib, ...costs];
}

/** Writes the topics, unless the broker has them already. */
async function ensureTopics(): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const known = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !known.has(topic));
    if (missing.length === 0) return;
    console.log(`writing ${recordsEach} records of ${VALUE_BYTES} B to each of ${missing.length} topics`);
    await admin.createTopics({
      topics: missing.map((topic) => ({ topic, numPartitions: 1, replicationFactor: -1 })),
      waitForLeaders: true,
    });
    for (const topic of missing)
      await writeRecords(brokers, {
        topic,
        partition: 0,
        records: recordsEach,
        valueBytes: VALUE_BYTES,
        codec: 'none',
      });
  } finally {
    await admin.disconnect();
  }
}

function ledgerOfAll(): Ledger {
  const ledger = new Ledger();
  const delivery = ledger.begin('plain');
  for (const topic of topics) ledger.take(topic, 0, recordsEach, delivery);
  delivery.outcome = 'committed';
  return ledger;
}
