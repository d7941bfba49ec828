import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type KafkaOptions, kafka } from '../../../../connectors/kafka/index.ts';
import type { KafkaPosition } from '../../../../connectors/kafka/positions.ts';
import { SharedMemoryBudget } from '../../../../core/runtime/memory-budget.ts';
import { systemEnv } from '../../../../core/runtime/system-env.ts';
import type { Env, Frame, GaugeName, MemoryBudget, SourceSession, Split, SplitReader } from '../../../../core/spi.ts';
import { recordsOf } from '../../../../testing/records.ts';

/** The real clock, or one that runs `speed` times as fast, with logs and metrics kept for the test to look at. */
export function recordingEnv({ speed = 1 } = {}): { env: Env; logs: string[]; gauges: Map<GaugeName, number> } {
  const logs: string[] = [];
  const gauges = new Map<GaugeName, number>();
  const keep = (level: string) => (message: string) => {
    logs.push(`${level}: ${message}`);
  };
  const env = systemEnv({
    log: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
    metrics: { add() {}, set: (gauge, value) => gauges.set(gauge, value) },
  });
  const { clock, timers } = env;
  const fast: Env = {
    ...env,
    clock: { ...clock, monotonicMs: () => clock.monotonicMs() * speed },
    timers: {
      sleep: (ms, options) => timers.sleep(ms / speed, options),
      after: (ms, run) => timers.after(ms / speed, run),
    },
  };
  return { env: fast, logs, gauges };
}

export interface HarnessOptions {
  memoryBytes?: number;
  speed?: number;
}

export interface Opened {
  session: SourceSession<KafkaPosition>;
  env: Env;
  memory: MemoryBudget;
  logs: string[];
  gauges: Map<GaugeName, number>;
}

/** A session that ends with the test. */
export async function openKafka(
  t: TestContext,
  options: KafkaOptions,
  { memoryBytes = 96 << 20, speed = 1 }: HarnessOptions = {},
): Promise<Opened> {
  const recording = recordingEnv({ speed });
  const memory = new SharedMemoryBudget(memoryBytes, recording.env);
  const ended = new AbortController();
  const source = kafka({ fetch: { maxWait: '50ms' }, ...options });
  const session = await source.open({ env: recording.env, pipeline: 'test', memory, signal: ended.signal });
  t.after(async () => {
    ended.abort();
    await session[Symbol.asyncDispose]();
  });
  return { session, memory, ...recording };
}

/** A reader of everything that `options` name, from their start positions or from `positions`. */
export async function readKafka(
  t: TestContext,
  options: KafkaOptions,
  positions: Record<string, KafkaPosition> = {},
  harness: HarnessOptions = {},
): Promise<Opened & { reader: SplitReader<KafkaPosition>; splits: readonly Split[] }> {
  const opened = await openKafka(t, options, harness);
  const { splits } = await opened.session.discover();
  const starts = await opened.session.startPositions(splits, 'first');
  const reader = opened.session.openReader();
  t.after(() => reader[Symbol.asyncDispose]());
  reader.assign(
    splits.map((split, index) => ({ ...split, position: positions[split.id] ?? (starts[index] as KafkaPosition) })),
  );
  return { ...opened, reader, splits };
}

export interface Delivered {
  values: (string | null)[];
  /** The last position of each split. */
  positions: Map<string, KafkaPosition>;
  ended: boolean;
}

/** Polls until the source ends or `enough` says so, and fails after 10 s. Frames are released at once. */
export async function deliver(
  reader: SplitReader<KafkaPosition>,
  enough: (delivered: Delivered) => boolean = () => false,
): Promise<Delivered> {
  const delivered: Delivered = { values: [], positions: new Map(), ended: false };
  const signal = AbortSignal.timeout(10_000);
  while (!enough(delivered)) {
    assert.ok(!signal.aborted, `not delivered in time; so far ${delivered.values.length} values`);
    const polled = await reader.poll({ signal });
    if (polled === 'end') return { ...delivered, ended: true };
    if (polled !== 'idle') collect(polled, delivered);
  }
  return delivered;
}

function collect(frame: Frame, { values, positions }: Delivered): void {
  for (const batch of frame.batches) {
    for (const { value } of recordsOf(batch)) values.push(value === null ? null : value.toString());
  }
  for (const { split, position } of frame.positionsAfter(frame.count)) positions.set(split, position as KafkaPosition);
  frame.release();
}

/** Waits for a condition; fails after 5 s. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUpAt, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
