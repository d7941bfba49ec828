// How much CPU does it cost to bring a Kafka topic into files, and what do others need for the same? See ../README.md.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { S3Bucket } from '../../test/services/s3-bucket.ts';
import { auditOutput, faultsOf, isExact, type OutputRoot } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { useHdfs } from '../hdfs.ts';
import { pinHarness, placement } from '../machine.ts';
import { useS3 } from '../s3.ts';
import { ensureTopic, ledgerOf, PRODUCER_BATCH_BYTES, type Workload } from '../topic.ts';
import type { Measurement } from './meter.ts';
import { type Job, PREFIX, PROGRAMS, type Program, runBare } from './programs.ts';
import { printResults, printStages } from './report.ts';

/** Those that need neither S3 nor HDFS. */
const BY_DEFAULT = PROGRAMS.filter(({ output }) => output === 'folder');

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    size: { type: 'string', default: '100,1024' },
    records: { type: 'string' },
    partitions: { type: 'string', default: '8' },
    codec: { type: 'string', default: 'none' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: BY_DEFAULT.map((program) => program.name).join(',') },
    out: { type: 'string', default: tmpdir() },
    stages: { type: 'boolean', default: false },
  },
});

/** Of one day, for the program that sorts records by hour. */
const HOURS = 24;
const STAGES = ['fetch', 'crc', 'walk', 'copy', 'write'] as const;
/** A shorter drain measures the compiler: the ratio to kafkajs grows until here. */
const BYTES_DEFAULT: Record<number, number> = { 100: 6_000_000, 1024: 1_000_000 };

const runs = Number(options.runs);
const programs = options.only.split(',').map((name) => {
  const program = PROGRAMS.find((known) => known.name === name);
  if (program === undefined)
    throw new Error(`no such program: ${name} (${PROGRAMS.map((known) => known.name).join(', ')})`);
  return program;
});

const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
const out = mkdtempSync(join(options.out, 'sluice-drain-'));
let s3: Awaited<ReturnType<typeof useS3>> | undefined;
let hdfs: Awaited<ReturnType<typeof useHdfs>> | undefined;
try {
  if (programs.some(({ output }) => output === 'hdfs')) hdfs = await useHdfs();
  if (programs.some(({ output }) => output === 'bucket')) s3 = await useS3();
  console.log(
    `${[how, s3?.how, hdfs?.how].filter((part) => part !== undefined).join(', ')}; ${placement(pinning)}; ` +
      `producer batches of ${PRODUCER_BATCH_BYTES / 1024} KiB; Node ${process.version}`,
  );
  for (const codec of options.codec.split(',')) {
    for (const valueBytes of options.size.split(',').map(Number)) {
      const records = Number(options.records ?? BYTES_DEFAULT[valueBytes] ?? 1_000_000);
      const partitions = Number(options.partitions);
      await measure({ records, valueBytes, partitions, codec: codec as Workload['codec'], hours: HOURS });
    }
  }
} finally {
  rmSync(out, { recursive: true, force: true });
  await s3?.stop();
  await hdfs?.stop();
  await stop();
}

async function measure(workload: Workload): Promise<void> {
  await ensureTopic(brokers, workload, console.log);
  const able = programs.filter((program) => program.reads(workload));
  const results = new Map<Program, Measurement[]>(able.map((program) => [program, []]));
  for (let run = 0; run < runs; run++) {
    // Turn about, so that a slow minute of the machine does not fall on one program; the last of one round is not the first of the next.
    for (const program of [...able.slice(run % able.length), ...able.slice(0, run % able.length)]) {
      const measured = await measureOne(workload, program);
      results.get(program)?.push(measured);
      console.log(
        `  run ${run + 1} ${program.name}: ${measured.cpuS.toFixed(2)} CPU-s, ${measured.wallS.toFixed(2)} s`,
      );
    }
  }
  printResults(workload, results);
  if (!options.stages || workload.codec !== 'none') return;
  const stages: { stage: string; runs: Measurement[] }[] = STAGES.map((stage) => ({ stage, runs: [] }));
  for (let run = 0; run < runs; run++) {
    for (const { stage, runs } of stages)
      runs.push(await inFolder(workload, stage, (job) => runBare(job, stage), stage === 'write'));
  }
  printStages(workload, stages);
}

function measureOne(workload: Workload, program: Program): Promise<Measurement> {
  switch (program.output) {
    case 'folder':
      return inFolder(workload, program.name, (job) => program.run(job), true);
    case 'bucket':
      return inBucket(workload, program);
    case 'hdfs':
      return inHdfs(workload, program);
  }
}

async function inFolder(
  workload: Workload,
  name: string,
  run: (job: Job) => Promise<Measurement>,
  audited: boolean,
): Promise<Measurement> {
  const folder = join(out, name);
  mkdirSync(folder);
  try {
    const measured = await run({ brokers, workload, folder, pinning });
    if (audited) await auditLedger(name, workload, folder, measured);
    return measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inBucket(workload: Workload, program: Program): Promise<Measurement> {
  if (s3 === undefined) throw new Error('no S3 server was started');
  const bucket = await S3Bucket.create(s3.place, 'bench');
  try {
    const { endpoint, accessKeyId, secretAccessKey } = s3.place;
    const target = { endpoint, accessKeyId, secretAccessKey, bucket: bucket.name };
    const measured = await program.run({ brokers, workload, folder: out, target, pinning });
    const root = bucket.output(PREFIX);
    if (program.audit === 'ledger') await auditLedger(program.name, workload, root, measured);
    else checkBytes(program.name, measured, sum((await root.look()).map(({ bytes }) => bytes)));
    return measured;
  } finally {
    await bucket.remove();
  }
}

async function inHdfs(workload: Workload, program: Program): Promise<Measurement> {
  if (hdfs === undefined) throw new Error('no cluster was started');
  return await hdfs.inDirectory(async (directory, output) => {
    const measured = await program.run({ brokers, workload, folder: out, directory, pinning });
    await auditLedger(program.name, workload, output, measured);
    return measured;
  });
}

async function auditLedger(name: string, workload: Workload, root: OutputRoot, measured: Measurement): Promise<void> {
  const verdict = await auditOutput({ root, ledger: ledgerOf(workload), recordsMin: workload.records });
  if (!isExact(verdict))
    throw new Error(`${name}: ${JSON.stringify(faultsOf(verdict))}\n${verdict.findings.join('\n')}`);
  checkBytes(name, measured, verdict.bytes);
}

function checkBytes(name: string, measured: Measurement, bytes: number): void {
  if (bytes !== measured.bytes) throw new Error(`${name} says ${measured.bytes} bytes, there are ${bytes}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
