// What does a pipeline cost that has nothing to do? See ../README.md.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kafkaClient } from '../../test/services/broker.ts';
import { createTopic } from '../../test/services/kafka.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Ledger, LedgerProducer, listVisible } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import { cpuMsOf, pinHarness, placement, rssPeakMiBOf } from '../machine.ts';
import { outputOf, startPipeline } from '../process.ts';
import { printTable } from '../table.ts';

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    partitions: { type: 'string', default: '8,256' },
    seconds: { type: 'string', default: '30' },
    out: { type: 'string', default: tmpdir() },
  },
});

/** After this long the compiler has done what it wants to do, and the last checkpoint is over. */
const SETTLE_MS = 5_000;

const seconds = Number(options.seconds);
const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
const out = mkdtempSync(join(options.out, 'sluice-idle-'));
const rows: string[][] = [];
try {
  console.log(`${how}; ${placement(pinning)}; Node ${process.version}`);
  for (const partitions of options.partitions.split(',').map(Number)) rows.push(await measure(partitions));
  console.log(`\nan idle pipeline over ${seconds} s, checkpoints every second\n`);
  printTable(['partitions', '% of a core', 'peak RSS MiB'], rows);
} finally {
  rmSync(out, { recursive: true, force: true });
  await stop();
}

async function measure(partitions: number): Promise<string[]> {
  const topic = `i${partitions}-${Date.now()}`;
  const folder = join(out, topic);
  mkdirSync(folder);
  await createTopic(brokers, { topic, partitions });
  const producer = new LedgerProducer({ kafka: kafkaClient(brokers), ledger: new Ledger(), topic, partitions });
  await producer.send(1);
  await producer.disconnect();
  const pipeline = await startPipeline({ brokers, topic, folder, pinning });
  try {
    await waitFor(async () => (await listVisible(outputOf(folder))).length > 0, { what: 'the first committed file' });
    await sleep(SETTLE_MS);
    const [cpuMs, atMs] = [cpuMsOf(pipeline.pid), performance.now()];
    await sleep(seconds * 1000);
    const share = (cpuMsOf(pipeline.pid) - cpuMs) / (performance.now() - atMs);
    return [String(partitions), (share * 100).toFixed(2), (rssPeakMiBOf(pipeline.pid) ?? 0).toFixed(0)];
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${readFileSync(join(folder, 'pipeline.log'), 'utf8').slice(-2000)}`, {
      cause: error,
    });
  } finally {
    await pipeline.kill();
  }
}
