import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaClient } from '../test/services/broker.ts';
import { PipelineProcess } from '../test/services/pipeline-process.ts';
import { waitFor } from '../test/services/wait.ts';
import {
  auditOutput,
  formatVerdict,
  isExact,
  Ledger,
  LedgerProducer,
  listVisible,
  type OutputListing,
  OutputWatcher,
} from '../testing/ledger/index.ts';
import type { DemoOptions } from './options.ts';
import type { Story } from './story.ts';
import { folder, type Target } from './target.ts';

export interface Play extends Pick<DemoOptions, 'kills' | 'seconds' | 'recordsPerSecond'> {
  brokers: string;
  topic: string;
  partitions: number;
  target: Target;
  story: Story;
  stop: AbortSignal;
}

const valueBytes = 200;

/** The demo itself. Returns the exit code: 0 only when the files hold every committed record exactly once. */
export async function play(play: Play): Promise<number> {
  const { brokers, topic, partitions, target, story, stop } = play;
  const file = writePipeline(brokers, topic, target);
  const { root, where } = target;
  story.tell('pipeline', `${relative(process.cwd(), file) || file}: topic ${topic} into ${where}`);

  const ledger = new Ledger();
  const producer = new LedgerProducer({ kafka: kafkaClient(brokers), ledger, topic, partitions, valueBytes });
  const watcher = new OutputWatcher({ root, ledger });
  const produced = new AbortController();
  const producing = producer.run({
    signal: AbortSignal.any([stop, produced.signal]),
    recordsPerSecond: play.recordsPerSecond,
  });
  producing.catch(() => {}); // awaited below
  story.tell(
    'producer',
    `${count(play.recordsPerSecond)} records a second of ${valueBytes} bytes, half of them in transactions, some aborted`,
  );
  const stage: Stage = { ...play, root, file, ledger, watcher };
  let pipeline = await startPipeline(stage, 'start');
  try {
    const recoveriesMs: number[] = [];
    const endMs = performance.now() + play.seconds * 1000;
    for (let kill = 1; kill <= play.kills && !stop.aborted; kill++) {
      const leftMs = endMs - performance.now();
      // A random moment in this kill's share of the time that is left: at work, between checkpoints or within one.
      await during(stage, pipeline, (leftMs / (play.kills - kill + 1)) * (0.3 + 0.7 * Math.random()));
      if (stop.aborted) break;
      const killed = await killPipeline(stage, pipeline, kill);
      pipeline = await startPipeline(stage, 'restart');
      const firstMs = await firstNewFile(stage, pipeline, killed.seen);
      if (firstMs === undefined) continue;
      recoveriesMs.push(firstMs - killed.atMs);
      story.tell('recovered', `first new file ${seconds(firstMs - killed.atMs)} after the kill`, 'green');
    }
    await during(stage, pipeline, endMs - performance.now());
    produced.abort();
    await producing;
    if (stop.aborted) return 130;
    const { committed, aborted } = ledger.totals();
    story.tell('producer', `stopped: ${count(committed)} records committed, ${count(aborted)} aborted`);
    await catchUp(stage, pipeline);
    const code = await stopPipeline(story, pipeline);
    return (await verdict(stage, recoveriesMs)) && code === 0 ? 0 : 1;
  } catch (error) {
    if (stop.aborted) return 130;
    if (!(error instanceof PipelineFailed)) throw error;
    story.tell('pipeline', error.message, 'red');
    return 1;
  } finally {
    produced.abort();
    await pipeline.kill();
    await producing.catch(() => {}); // its failure is what ended the try block, or follows from it
    await producer.disconnect();
    await watcher.stop();
  }
}

interface Stage extends Play {
  root: OutputListing;
  file: string;
  ledger: Ledger;
  watcher: OutputWatcher;
}

class PipelineFailed extends Error {}

function writePipeline(brokers: string, topic: string, { sink, store }: Target): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(
    file,
    `name: clicks
source: { type: kafka, brokers: [${brokers
      .split(',')
      .map((broker) => JSON.stringify(broker))
      .join(', ')}], topics: [${topic}], start: earliest }
sink:${sink}
checkpoints:
  interval: 1s
  store:${store}
`,
  );
  return file;
}

async function startPipeline({ story, file }: Stage, why: 'start' | 'restart'): Promise<PipelineProcess> {
  const pipeline = await PipelineProcess.start(file);
  story.tell(why, `sluice run ${relative(process.cwd(), file)}, pid ${pipeline.pid}`);
  return pipeline;
}

/** Lets the pipeline work for a while and says how it goes. */
async function during(stage: Stage, pipeline: PipelineProcess, ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  for (;;) {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0 || stage.stop.aborted) return;
    await sleep(Math.min(leftMs, 2_000), undefined, { signal: stage.stop }).catch(() => {}); // Ctrl-C ends it early
    await mustRun(pipeline);
    if (!stage.stop.aborted && endMs - performance.now() > 500) progress(stage);
  }
}

function progress({ story, ledger, watcher }: Stage): void {
  const { committed, aborted } = ledger.totals();
  story.tell(
    'progress',
    `written ${count(committed).padStart(9)} + ${count(aborted).padStart(7)} aborted   in files ${count(watcher.records).padStart(9)} (${watcher.files})`,
    'dim',
  );
}

async function killPipeline({ story, root, kills }: Stage, pipeline: PipelineProcess, kill: number) {
  await mustRun(pipeline);
  const atMs = performance.now();
  await pipeline.kill();
  const seen = new Set((await listVisible(root)).map(({ path }) => path));
  story.tell(`kill ${kill}/${kills}`, `kill -9 of pid ${pipeline.pid}; ${seen.size} files are visible`, 'yellow');
  return { atMs, seen };
}

/** The moment a file appears that was not there when the pipeline was killed. */
async function firstNewFile(
  { root, stop }: Stage,
  pipeline: PipelineProcess,
  seen: Set<string>,
): Promise<number | undefined> {
  await waitFor(
    async () => stop.aborted || !pipeline.running || (await listVisible(root)).some(({ path }) => !seen.has(path)),
    { what: 'a new file after the restart', timeoutMs: 60_000, everyMs: 5 },
  ).catch((error: Error) => {
    throw new PipelineFailed(`${error.message}; the last it said:\n${lastLines(pipeline)}`);
  });
  const atMs = performance.now();
  await mustRun(pipeline);
  return stop.aborted ? undefined : atMs;
}

async function catchUp(stage: Stage, pipeline: PipelineProcess): Promise<void> {
  const { story, ledger, watcher, stop } = stage;
  const { committed } = ledger.totals();
  const fromMs = performance.now();
  try {
    await waitFor(() => stop.aborted || !pipeline.running || watcher.records >= committed, {
      what: 'the pipeline has caught up',
      timeoutMs: 60_000,
    });
    await mustRun(pipeline);
    story.tell('caught up', `everything is in files ${seconds(performance.now() - fromMs)} after the last record`);
  } catch (error) {
    if (error instanceof PipelineFailed) throw error;
    story.tell('caught up', (error as Error).message, 'red'); // the audit says what is missing
  }
}

async function stopPipeline(story: Story, pipeline: PipelineProcess): Promise<number> {
  const fromMs = performance.now();
  pipeline.terminate();
  await waitFor(() => !pipeline.running, { what: 'the pipeline stops after SIGTERM', timeoutMs: 40_000 });
  const code = await pipeline.exited;
  story.tell(
    'stop',
    `SIGTERM: exit code ${code} after ${seconds(performance.now() - fromMs)}`,
    code === 0 ? undefined : 'red',
  );
  return code;
}

async function verdict({ story, root, target, ledger, watcher }: Stage, recoveriesMs: number[]): Promise<boolean> {
  story.tell('audit', 'reading every file back, as a reader that just lists them');
  const result = await auditOutput({ root, ledger, watched: await watcher.stop() });
  story.plain();
  for (const line of formatVerdict(result)) story.plain(`  ${line}`, line.endsWith('WRONG') ? 'red' : undefined);
  for (const finding of result.findings) story.plain(`  ${finding}`, 'red');
  const exact = isExact(result);
  story.plain();
  if (exact)
    story.plain('  Exactly once: every committed record is in the files one time, and nothing else is.', 'green');
  else story.plain('  NOT exactly once.', 'red');
  if (recoveriesMs.length > 0) {
    const sorted = recoveriesMs.toSorted((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? 0;
    story.plain(`  kill -9 to first new file: median ${seconds(median)}, longest ${seconds(sorted.at(-1) ?? 0)}`);
  }
  story.plain(`  files  ${target.where}`);
  story.plain(`  log    ${relative(process.cwd(), join(folder, 'sluice.log'))}`);
  story.plain();
  return exact;
}

/** A pipeline that ended although nobody asked it to is the end of the demo. */
async function mustRun(pipeline: PipelineProcess): Promise<void> {
  if (pipeline.running) return;
  const code = await pipeline.exited;
  throw new PipelineFailed(`ended by itself with exit code ${code}; the last it said:\n${lastLines(pipeline)}`);
}

function lastLines(pipeline: PipelineProcess): string {
  return pipeline.log.trimEnd().split('\n').slice(-10).join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
