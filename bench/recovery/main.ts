// How long after kill -9 does the next new file appear, with a cold process start in between? See ../README.md.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kafkaClient } from '../../test/services/broker.ts';
import { createTopic } from '../../test/services/kafka.ts';
import { waitFor } from '../../test/services/wait.ts';
import { auditOutput, faultsOf, isExact, Ledger, LedgerProducer, listVisible } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { median, pinHarness, placement } from '../machine.ts';
import { outputOf, type PipelineRun, startPipeline } from '../process.ts';
import { printTable } from '../table.ts';
import { ensureTopic, ledgerOf, type Workload } from '../topic.ts';

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    partitions: { type: 'string', default: '8,256' },
    backlog: { type: 'string', default: '20000000' },
    rate: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '10' },
    only: { type: 'string', default: 'live,backlog' },
    out: { type: 'string', default: tmpdir() },
  },
});

interface Recovery {
  /** From the signal until the process is gone: the kernel lets it finish an fsync. */
  goneMs: number;
  /** From the signal to a file that the new process began and committed. */
  newMs: number;
  /** From the signal to any file, also one that the killed process had staged. */
  anyMs: number;
}

const kills = Number(options.kills);
const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
const out = mkdtempSync(join(options.out, 'sluice-recovery-'));
const rows: string[][] = [];
try {
  console.log(`${how}; ${placement(pinning)}; Node ${process.version}`);
  for (const partitions of options.partitions.split(',').map(Number)) {
    if (options.only.includes('live'))
      rows.push(row(partitions, `live, ${options.rate} records/s`, await live(partitions)));
    if (options.only.includes('backlog')) {
      const workload: Workload = { records: Number(options.backlog), valueBytes: 100, partitions, codec: 'none' };
      rows.push(row(partitions, `backlog of ${workload.records.toLocaleString('en-US')}`, await backlog(workload)));
    }
  }
  console.log(
    `\nkill -9 to the first new file, ms; checkpoints every second, ${kills} kills each, every output exact\n`,
  );
  printTable(
    ['partitions', 'topic', 'new file: median', 'max', 'any file: median', 'max', 'process gone: median', 'max'],
    rows,
  );
} finally {
  rmSync(out, { recursive: true, force: true });
  await stop();
}

function row(partitions: number, topic: string, recoveries: readonly Recovery[]): string[] {
  const columns = (['newMs', 'anyMs', 'goneMs'] as const).map((column) =>
    recoveries.map((recovery) => recovery[column]),
  );
  return [String(partitions), topic, ...columns.flatMap((ms) => [median(ms).toFixed(0), Math.max(...ms).toFixed(0)])];
}

/** One pipeline that keeps up with a producer, killed again and again. */
async function live(partitions: number): Promise<Recovery[]> {
  const topic = `r${partitions}-${Date.now()}`;
  await createTopic(brokers, { topic, partitions });
  const ledger = new Ledger();
  const producer = new LedgerProducer({ kafka: kafkaClient(brokers), ledger, topic, partitions });
  const ending = new AbortController();
  const producing = producer.run({
    signal: ending.signal,
    recordsPerSecond: Number(options.rate),
    transactionShare: 0,
  });
  const recoveries: Recovery[] = [];
  try {
    await inFolder(`live-${partitions}`, topic, async (run) => {
      let killed = await startPipeline(run);
      for (let kill = 0; kill < kills; kill++) {
        await committedFrom(run.folder, await newestEpoch(run.folder));
        const recovered = await killAndRestart(run, killed);
        recoveries.push(recovered.recovery);
        killed = recovered.process;
      }
      await killed.kill();
      ending.abort();
      await producing;
      await finishAndAudit(run, ledger);
    });
  } finally {
    ending.abort();
    await producing;
    await producer.disconnect();
  }
  return recoveries;
}

/** A new pipeline for every kill, so that each restart finds nearly the whole backlog before it. */
async function backlog(workload: Workload): Promise<Recovery[]> {
  const topic = await ensureTopic(brokers, workload, console.log);
  const recoveries: Recovery[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await inFolder(`backlog-${kill}`, topic, async (run) => {
      const first = await startPipeline(run);
      await committedFrom(run.folder, 0);
      const { recovery, process } = await killAndRestart(run, first);
      recoveries.push(recovery);
      await process.kill();
      if (kill === kills - 1) await finishAndAudit(run, ledgerOf(workload)); // one audit of 20 million lines is enough
    });
  }
  return recoveries;
}

async function inFolder(name: string, topic: string, use: (run: PipelineRun) => Promise<void>): Promise<void> {
  const folder = join(out, name);
  mkdirSync(folder);
  try {
    await use({ brokers, topic, folder, pinning });
  } catch (error) {
    throw new Error(
      `${name}: ${(error as Error).message}\n${readFileSync(join(folder, 'pipeline.log'), 'utf8').slice(-2000)}`,
      { cause: error },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function killAndRestart(run: PipelineRun, process: Awaited<ReturnType<typeof startPipeline>>) {
  const filesBefore = (await listVisible(outputOf(run.folder))).length;
  const epochBefore = await newestEpoch(run.folder);
  const killedMs = performance.now();
  await process.kill();
  const goneMs = performance.now() - killedMs;
  const [restarted, anyMs, newMs] = await Promise.all([
    startPipeline(run),
    moment(run.folder, (files) => files.length > filesBefore),
    moment(run.folder, (files) => files.some(({ epoch }) => epoch > epochBefore)),
  ]);
  return { process: restarted, recovery: { goneMs, anyMs: anyMs - killedMs, newMs: newMs - killedMs } };
}

async function moment(
  folder: string,
  seen: (files: Awaited<ReturnType<typeof listVisible>>) => boolean,
): Promise<number> {
  await waitFor(async () => seen(await listVisible(outputOf(folder))), {
    what: 'a new file after a restart',
    timeoutMs: 60_000,
    everyMs: 2,
  });
  return performance.now();
}

async function newestEpoch(folder: string): Promise<number> {
  return Math.max(0, ...(await listVisible(outputOf(folder))).map(({ epoch }) => epoch));
}

/** Waits for another file, and then for a moment that is not tied to a checkpoint. */
async function committedFrom(folder: string, epoch: number): Promise<void> {
  const seen = async () => (await listVisible(outputOf(folder))).filter((file) => file.epoch >= epoch).length;
  const before = await seen();
  await waitFor(async () => (await seen()) > before, { what: 'a committed file', timeoutMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
}

async function finishAndAudit(run: PipelineRun, ledger: Ledger): Promise<void> {
  const last = await startPipeline({ ...run, bounded: true });
  const code = await last.exited;
  if (code !== 0) throw new Error(`the last run ended with ${code}`);
  const verdict = await auditOutput({ root: outputOf(run.folder), ledger });
  if (!isExact(verdict)) throw new Error(`${JSON.stringify(faultsOf(verdict))}\n${verdict.findings.join('\n')}`);
}
