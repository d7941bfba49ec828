import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Cores for a run: the broker and this harness on one, the measured program alone on the other. */
export interface Pinning {
  readonly brokerCore: number;
  readonly programCore: number;
}

/** Pins this process, and whatever it starts from now on, to the broker's core. Undefined where that cannot be done. */
export function pinHarness(): Pinning | undefined {
  if (availableParallelism() < 2) return undefined;
  const pinning = { brokerCore: 0, programCore: 1 };
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(pinning.brokerCore), String(process.pid)], { stdio: 'ignore' });
    return pinning;
  } catch {
    return undefined; // no taskset (macOS, containers without it): the table says that nothing was pinned
  }
}

/** How the run was placed, for its heading. A broker that was given runs wherever its owner put it. */
export function placement(pinning: Pinning | undefined): string {
  if (pinning === undefined) return 'nothing pinned';
  return `measured programs on core ${pinning.programCore}, everything started here besides on core ${pinning.brokerCore}`;
}

/** The command line that runs `command` on the program's core. */
export function pinned(pinning: Pinning | undefined, command: readonly string[]): string[] {
  return pinning === undefined ? [...command] : ['taskset', '-c', String(pinning.programCore), ...command];
}

/** CPU time of a running process over all its threads, in ms, from the scheduler's nanoseconds. Linux only. */
export function cpuMsOf(pid: number): number {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // a thread that ended between the listing and the read has taken its time with it; programs here keep their threads
    }
  }
  return ns / 1e6;
}

/** The highest resident size of a running process so far, in MiB; undefined once it is gone. Linux only. */
export function rssPeakMiBOf(pid: number): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
