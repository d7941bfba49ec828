import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Pinning, pinned, rssPeakMiBOf } from '../machine.ts';
import { topicOf, type Workload } from '../topic.ts';
import type { Measurement } from './meter.ts';

export interface Job {
  brokers: string;
  workload: Workload;
  /** An empty folder of this run's own; what lies in it afterwards is audited. */
  folder: string;
  pinning: Pinning | undefined;
}

/** One way to bring a topic into a file. */
export interface Program {
  readonly name: string;
  /** What it promises, for the table. */
  readonly guarantee: string;
  /** Whether it can read this workload. */
  reads(workload: Workload): boolean;
  run(job: Job): Promise<Measurement>;
}

const any = () => true;

export const PROGRAMS: readonly Program[] = [
  {
    name: 'sluice',
    guarantee: 'exactly once, checkpoint every 1 s',
    reads: any,
    run: (job) => runNode('sluice.ts', job, ['1s']),
  },
  {
    name: 'sluice-final',
    guarantee: 'exactly once, one final checkpoint',
    reads: any,
    run: (job) => runNode('sluice.ts', job, ['1h']),
  },
  { name: 'bare', guarantee: 'none', reads: ({ codec }) => codec === 'none', run: (job) => runBare(job, 'write') },
  { name: 'kafkajs', guarantee: 'none', reads: any, run: (job) => runNode('kafkajs.ts', job, []) },
  { name: 'kcat', guarantee: 'none', reads: any, run: runKcat },
];

/** The bare loop up to one of its stages; only `write` leaves an output worth auditing. */
export function runBare(job: Job, stage: string): Promise<Measurement> {
  return runNode('bare.ts', job, [String(job.workload.partitions), stage]);
}

async function runNode(program: string, job: Job, more: readonly string[]): Promise<Measurement> {
  const { brokers, workload, folder, pinning } = job;
  const script = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
  const args = [script, brokers, topicOf(workload), String(workload.records), join(folder, 'out.ndjson'), ...more];
  // kafkajs arms timers in the past, which Node reports
  const node = [process.execPath, '--disable-warning=TimeoutNegativeWarning'];
  const { output } = await finish(pinned(pinning, [...node, ...args]), 'stdout');
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
