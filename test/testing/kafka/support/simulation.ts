import { fetchApi } from '../../../../connectors/kafka/fetch-request.ts';
import { kafkaSourceSettings } from '../../../../connectors/kafka/settings.ts';
import { kafkaSource } from '../../../../connectors/kafka/source.ts';
import { SharedMemoryBudget } from '../../../../core/runtime/memory-budget.ts';
import type { Frame } from '../../../../core/spi.ts';
import type { KafkaModel } from '../../../../testing/kafka/model.ts';
import { type Exchange, SimulatedWire, type SimulatedWireOptions } from '../../../../testing/kafka/simulated-wire.ts';
import { VirtualTime } from '../../../../testing/virtual-time.ts';

/** Everything arrives at once. */
export const DIRECT: Exchange = { call: async (_label, effect) => effect() };

export const NODE_1 = { host: 'node-1', port: 9092 };

export interface Simulation {
  time: VirtualTime;
  wire: SimulatedWire;
  fetch(options?: { offset?: number; maxWaitMs?: number }): ReturnType<SimulatedWire['callRaw']>;
}

/** A wire to `model` on a clock of its own. */
export function wireTo(
  model: KafkaModel,
  { exchange = DIRECT, mangle }: Partial<Pick<SimulatedWireOptions, 'exchange' | 'mangle'>> = {},
): Simulation {
  const time = new VirtualTime();
  const { env } = time.process({ pid: 1, seed: 1 });
  const world = time.process({ pid: 0, seed: 2 }).env;
  const wire = new SimulatedWire({ model, env, world, exchange, mangle });
  return {
    time,
    wire,
    fetch: ({ offset = 0, maxWaitMs = 500 } = {}) => {
      const partition = { topic: 'clicks', partition: 0, leaderEpoch: -1, offset, maxBytes: 1 << 20 };
      const request = { maxWaitMs, maxBytes: 1 << 20, readCommitted: true, partitions: [partition] };
      return wire.callRaw(NODE_1, fetchApi, request, { lane: 'fetch', brokerWaitMs: maxWaitMs });
    },
  };
}

export interface Reading {
  model: KafkaModel;
  exchange: Exchange;
  time: VirtualTime;
  seed: number;
  /** Sees every frame before it is released. */
  onFrame(frame: Frame): void;
}

/** Reads all of `clicks` that is there by the real source, until its end. */
export async function readToEnd({ model, exchange, time, seed, onFrame }: Reading): Promise<void> {
  const { env } = time.process({ pid: 1, seed });
  const world = time.process({ pid: 0, seed }).env;
  const source = kafkaSource(
    kafkaSourceSettings.parse({
      type: 'kafka',
      brokers: model.addresses,
      topics: ['clicks'],
      stop: 'latest',
      fetch: { maxPartitionBytes: '1KiB' },
    }),
    { baseDir: '.', connect: ({ env }) => new SimulatedWire({ model, env, world, exchange }) },
  );
  const { signal } = new AbortController();
  const memory = new SharedMemoryBudget(16 << 20, env);
  await using session = await source.open({ env, pipeline: 'test', memory, signal });
  const { splits } = await session.discover();
  const starts = await session.startPositions(splits, 'first');
  await using reader = session.openReader();
  reader.assign(splits.map((split, index) => ({ ...split, position: starts[index] as (typeof starts)[number] })));
  for (;;) {
    const polled = await reader.poll({ signal });
    if (polled === 'end') return;
    if (polled === 'idle') continue;
    onFrame(polled);
    polled.release();
  }
}
