import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report } from './simulate.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Seeds handed to a worker at a time. */
const CHUNK = 20;
/** A process that was killed leaves promises and signals that nobody settles: some 2 MB a run that no collector frees. */
const CHUNKS_PER_PROCESS = 15;

export interface FarmOptions {
  readonly first: number;
  readonly seeds: number;
  readonly workers: number;
  /** Runs every seed twice and compares. */
  readonly twice: boolean;
  /** Ends early once so many seeds have failed. */
  readonly failuresMax: number;
  readonly onReport: (report: Report) => void;
}

/** A part of the work for one worker process. */
export interface Chunk {
  readonly first: number;
  readonly count: number;
  readonly twice: boolean;
}

/** Runs seeds in processes of their own, which end with this one. */
export async function runSeeds(options: FarmOptions): Promise<void> {
  let next = options.first;
  let failures = 0;
  const end = options.first + options.seeds;
  const take = (): Chunk | undefined => {
    if (next >= end || failures >= options.failuresMax) return undefined;
    const chunk = { first: next, count: Math.min(CHUNK, end - next), twice: options.twice };
    next += chunk.count;
    return chunk;
  };
  const onReport = (report: Report) => {
    if (report.anomalies.length > 0) failures++;
    options.onReport(report);
  };
  const work = async () => {
    while (await runWorker(take, onReport));
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}

/** One process, and whether there may be work for another. */
async function runWorker(take: () => Chunk | undefined, onReport: (report: Report) => void): Promise<boolean> {
  let chunk = take();
  if (chunk === undefined) return false;
  const worker = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let chunks = 0;
  await new Promise<void>((resolve, reject) => {
    const feed = () => {
      if (chunk === undefined) worker.disconnect();
      else worker.send(chunk);
    };
    worker.on('message', (message: Report | 'done') => {
      if (message !== 'done') return onReport(message);
      chunk = ++chunks < CHUNKS_PER_PROCESS ? take() : undefined;
      feed();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a simulator process ended with ${code}`))));
    feed();
  });
  return chunks === CHUNKS_PER_PROCESS;
}
