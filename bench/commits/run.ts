import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Pinning, pinned } from '../machine.ts';
import type { Job, Report } from './program.ts';

const PROGRAM = fileURLToPath(new URL('./program.ts', import.meta.url));

/** Runs the program to its end; undefined when it died as it was told to. */
export async function run(job: Job, pinning: Pinning | undefined): Promise<Report | undefined> {
  const node = [process.execPath, '--disable-warning=TimeoutNegativeWarning', PROGRAM, JSON.stringify(job)];
  const [command = '', ...args] = pinned(pinning, node);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  if (job.how.kind === 'dies' && signal === 'SIGKILL') return undefined;
  if (code !== 0) throw new Error(`the measured program ended with ${code ?? signal}\n${output}`);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Report;
}

/** Like `run`, for a program that is to tell what it did. */
export async function runToEnd(job: Job, pinning: Pinning | undefined): Promise<Report> {
  const report = await run(job, pinning);
  if (report === undefined) throw new Error('the measured program died');
  return report;
}
