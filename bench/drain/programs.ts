import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HdfsTarget } from '../hdfs.ts';
import { type Pinning, pinned, rssPeakMiBOf } from '../machine.ts';
import type { S3Target } from '../s3.ts';
import { topicOf, type Workload } from '../topic.ts';
import type { Measurement } from './meter.ts';

export interface Job {
  brokers: string;
  workload: Workload;
  /** An empty folder of this run's own. */
  folder: string;
  /** An empty bucket of this run's own, for programs that write to one. */
  target?: S3Target;
  /** An empty directory of HDFS of this run's own, likewise. */
  directory?: HdfsTarget;
  pinning: Pinning | undefined;
}

/** One way to bring a topic into a file. */
export interface Program {
  readonly name: string;
  /** What it promises, for the table. */
  readonly guarantee: string;
  /** Where its output is. */
  readonly output: 'folder' | 'bucket' | 'hdfs';
  /** What the output is held against: every record of the topic, or only its size. */
  readonly audit: 'ledger' | 'size';
  /** Whether it can read this workload. */
  reads(workload: Workload): boolean;
  run(job: Job): Promise<Measurement>;
}

const any = () => true;
const intoFolder = { output: 'folder', audit: 'ledger' } as const;

/** Where in its bucket the output of a program is. */
export const PREFIX = 'raw';

export const PROGRAMS: readonly Program[] = [
  {
    name: 'sluice',
    guarantee: 'exactly once, checkpoint every 1 s',
    ...intoFolder,
    reads: any,
    run: (job) => runNode('sluice.ts', job, ['1s']),
  },
  {
    name: 'sluice-final',
    guarantee: 'exactly once, one final checkpoint',
    ...intoFolder,
    reads: any,
    run: (job) => runNode('sluice.ts', job, ['1h']),
  },
  {
    name: 'sluice-hours',
    guarantee: 'exactly once, checkpoint every 1 s',
    ...intoFolder,
    reads: ({ hours }) => hours !== undefined,
    run: (job) => runSluiceHours(job, '1s'),
  },
  {
    name: 'bare',
    guarantee: 'none',
    ...intoFolder,
    reads: ({ codec }) => codec === 'none',
    run: (job) => runBare(job, 'write'),
  },
  {
    name: 'kafkajs',
    guarantee: 'none',
    ...intoFolder,
    reads: any,
    run: (job) => runNode('kafkajs.ts', job, []),
  },
  { name: 'kcat', guarantee: 'none', ...intoFolder, reads: any, run: runKcat },
  {
    name: 'sluice-s3',
    guarantee: 'exactly once, checkpoint every 1 s',
    ...{ output: 'bucket', audit: 'ledger' },
    reads: any,
    run: runSluiceS3,
  },
  {
    name: 'sluice-hdfs',
    guarantee: 'exactly once, checkpoint every 1 s',
    ...{ output: 'hdfs', audit: 'ledger' },
    reads: any,
    run: runSluiceHdfs,
  },
  { name: 'put', guarantee: 'none', output: 'bucket', audit: 'size', reads: any, run: runPut },
];

/** The engine with a directory for every hour of the workload; checkpoints close its files, or leave them open. */
export function runSluiceHours(
  job: Job,
  interval: string,
  files: 'close' | 'stayOpen' = 'close',
): Promise<Measurement> {
  return runNode('sluice.ts', job, [interval, 'hours', files]);
}

/** The bare loop up to one of its stages; only `write` leaves an output worth auditing. */
export function runBare(job: Job, stage: string): Promise<Measurement> {
  return runNode('bare.ts', job, [String(job.workload.partitions), stage]);
}

function runNode(program: string, job: Job, more: readonly string[]): Promise<Measurement> {
  const { brokers, workload, folder } = job;
  return measure(program, job, [
    brokers,
    topicOf(workload),
    String(workload.records),
    join(folder, 'out.ndjson'),
    ...more,
  ]);
}

function runSluiceS3(job: Job): Promise<Measurement> {
  return measure('sluice-s3.ts', job, [job.brokers, topicOf(job.workload), JSON.stringify(job.target), PREFIX, '1s']);
}

function runSluiceHdfs(job: Job): Promise<Measurement> {
  return measure('sluice-hdfs.ts', job, [job.brokers, topicOf(job.workload), JSON.stringify(job.directory), '1s']);
}

/** As many bytes as the others bring into their output: a line has a newline. */
function runPut(job: Job): Promise<Measurement> {
  const { records, valueBytes } = job.workload;
  const bytes = records * (valueBytes + 1);
  return measure('put.ts', job, [JSON.stringify(job.target), `${PREFIX}/put.ndjson`, String(records), String(bytes)]);
}

async function measure(program: string, { pinning }: Job, args: readonly string[]): Promise<Measurement> {
  const script = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
  // kafkajs arms timers in the past, which Node reports
  const node = [process.execPath, '--disable-warning=TimeoutNegativeWarning'];
  const { output } = await finish(pinned(pinning, [...node, script, ...args]), 'stdout');
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Measurement;
}

/** kcat says nothing of itself: its CPU time comes from the shell, and its start-up is that of a kcat that only asks for metadata. */
async function runKcat({ brokers, workload, folder, pinning }: Job): Promise<Measurement> {
  const path = join(folder, 'out.ndjson');
  const topic = topicOf(workload);
  const timed = (command: string) =>
    pinned(pinning, ['bash', '-c', `TIMEFORMAT='%U %S %R'; time { ${command}; }`, 'kcat', brokers, topic, path]);
  const startUp = times((await finish(timed('kcat -L -b "$1" -t "$2" >/dev/null'), 'stderr')).output);
  const drain = await finish(timed('kcat -C -b "$1" -t "$2" -o beginning -e -q >"$3" && sync "$3"'), 'stderr');
  const { cpuS, wallS } = times(drain.output);
  return {
    records: workload.records,
    bytes: statSync(path).size,
    cpuStartUpS: startUp.cpuS,
    cpuS: cpuS - startUp.cpuS,
    wallS: wallS - startUp.wallS,
    rssPeakMiB: drain.rssPeakMiB,
  };
}

function times(output: string): { cpuS: number; wallS: number } {
  const [userS, systemS, wallS] = (output.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (userS === undefined || systemS === undefined || wallS === undefined) throw new Error(`no times in: ${output}`);
  return { cpuS: userS + systemS, wallS };
}

/** Runs a command to its end; the other of its two outputs goes to the terminal. */
async function finish(
  command: readonly string[],
  keep: 'stdout' | 'stderr',
): Promise<{ output: string; rssPeakMiB: number }> {
  const [program = '', ...args] = command;
  const stdio = keep === 'stdout' ? (['ignore', 'pipe', 'inherit'] as const) : (['ignore', 'inherit', 'pipe'] as const);
  const child = spawn(program, args, { stdio: [...stdio] });
  let output = '';
  child[keep]?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let rssPeakMiB = 0;
  const watch = setInterval(() => {
    for (const pid of child.pid === undefined ? [] : [child.pid, ...childrenOf(child.pid)]) {
      rssPeakMiB = Math.max(rssPeakMiB, rssPeakMiBOf(pid) ?? 0);
    }
  }, 50);
  try {
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${output}`);
  } finally {
    clearInterval(watch);
  }
  return { output, rssPeakMiB };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}
