import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaSourceSettings } from '../../../connectors/kafka/settings.ts';
import { kafkaSource } from '../../../connectors/kafka/source.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import type { Frame } from '../../../core/spi.ts';
import { sourceConformance } from '../../../testing/conformance/source.ts';
import { Dice } from '../../../testing/dice.ts';
import type { CodecKind } from '../../../testing/kafka/compressors.ts';
import type { KafkaModel } from '../../../testing/kafka/model.ts';
import { type Exchange, SimulatedWire } from '../../../testing/kafka/simulated-wire.ts';
import { recordsOf } from '../../../testing/records.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';
import { clicks } from './support/client.ts';
import { DIRECT, readToEnd } from './support/simulation.ts';

const CODECS: readonly CodecKind[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Overlapping transactions with gaps and every codec; returns what is committed, by partition. */
function fill(model: KafkaModel, dice: Dice, batches: number): Map<string, string[]> {
  const committed = new Map<string, { offset: number; values: string[] }[]>();
  const open = new Map<number, { split: string; offset: number; values: string[] }[]>();
  const keep = (split: string, offset: number, values: string[]) =>
    committed.set(split, [...(committed.get(split) ?? []), { offset, values }]);
  const end = (producerId: number) => {
    const outcome = dice.chance(0.5) ? 'commit' : 'abort';
    model.endTransaction(producerId, outcome);
    for (const { split, offset, values } of open.get(producerId) ?? []) {
      if (outcome === 'commit') keep(split, offset, values);
    }
    open.delete(producerId);
  };
  for (let batch = 0; batch < batches; batch++) {
    const partition = Math.floor(dice.next() * model.partitionCount('clicks'));
    if (dice.chance(0.1)) model.leaveGap('clicks', partition, 3, { asEmptyBatch: dice.chance(0.5) });
    const values = Array.from({ length: 1 + Math.floor(dice.next() * 5) }, (_, index) => `${batch}-${index}`);
    let delta = -1;
    const records = values.map((value) => {
      delta += dice.chance(0.2) ? 3 : 1;
      return { value, offsetDelta: delta };
    });
    const codec = CODECS[Math.floor(dice.next() * CODECS.length)] as CodecKind;
    const producerId = dice.chance(0.7) ? Math.floor(dice.next() * 4) : undefined;
    if (producerId !== undefined && !open.has(producerId)) {
      model.beginTransaction(producerId);
      open.set(producerId, []);
    }
    const producer = producerId === undefined ? {} : { producerId };
    const offset = model.append('clicks', partition, records, { codec, ...producer }) as number;
    const split = `clicks/${partition}`;
    if (producerId === undefined) keep(split, offset, values);
    else open.get(producerId)?.push({ split, offset, values });
    if (producerId !== undefined && dice.chance(0.3)) end(producerId);
  }
  for (const producerId of [...open.keys()]) end(producerId);
  const inOrder = (all: { offset: number; values: string[] }[]) =>
    all.sort((a, b) => a.offset - b.offset).flatMap(({ values }) => values);
  return new Map([...committed].map(([split, all]) => [split, inOrder(all)] as const).sort());
}

function collector(): { read: Map<string, string[]>; onFrame(frame: Frame): void } {
  const read = new Map<string, string[]>();
  const onFrame = (frame: Frame) => {
    for (const batch of frame.batches) {
      const values = recordsOf(batch).map(({ value }) => String(value));
      read.set(batch.split, [...(read.get(batch.split) ?? []), ...values]);
    }
  };
  return { read, onFrame };
}

const sorted = (values: Map<string, string[]>) => new Map([...values].sort());

test('the source reads exactly the committed records of several partitions from a model of a cluster', async () => {
  const model = clicks({ nodes: 2, partitions: 3 });
  const committed = fill(model, new Dice(1), 120);
  const { read, onFrame } = collector();
  const time = new VirtualTime();
  await time.run(readToEnd({ model, exchange: DIRECT, time, seed: 1, onFrame }));
  assert.deepEqual(sorted(read), committed);
});

/** Answers late, and loses some before or after they took effect. */
function unsteady(dice: Dice, time: VirtualTime, labels: string[]): Exchange {
  const { timers } = time.process({ pid: 9, seed: 9 }).env;
  return {
    async call(label, effect) {
      labels.push(`${time.nowMs} ${label}`);
      await timers.sleep(dice.next() * 50);
      if (dice.chance(0.05)) throw new Error('lost before it arrived');
      const answer = await effect();
      await timers.sleep(dice.next() * 50);
      if (dice.chance(0.05)) throw new Error('lost on the way back');
      return answer;
    },
  };
}

async function readInWeather(seed: number): Promise<{ labels: string[]; read: Map<string, string[]> }> {
  const dice = new Dice(seed);
  const model = clicks({ nodes: 3, partitions: 4 });
  const committed = fill(model, dice.fork('records'), 150);
  const time = new VirtualTime();
  const labels: string[] = [];
  const exchange = unsteady(dice.fork('network'), time, labels);
  const trouble = dice.fork('brokers');
  const { timers } = time.process({ pid: 8, seed: 8 }).env;
  const upset = () => {
    const node = 1 + Math.floor(trouble.next() * 3);
    model.stopNode(node, { leaderless: trouble.chance(0.3) });
    timers.after(trouble.next() * 400, () => model.startNode(node));
    model.moveLeader('clicks', Math.floor(trouble.next() * 4), 1 + Math.floor(trouble.next() * 3));
    if (time.nowMs < 20_000) timers.after(200 + trouble.next() * 600, upset);
  };
  timers.after(100, upset);
  const { read, onFrame } = collector();
  await time.run(readToEnd({ model, exchange, time, seed, onFrame }));
  assert.deepEqual(sorted(read), committed, `seed ${seed}`);
  return { labels, read };
}

test('with lost answers, dying nodes and moving leaders it reads the same, in every order of events', async () => {
  for (let seed = 1; seed <= 25; seed++) await readInWeather(seed);
});

test('the same seed gives the same requests at the same moments', async () => {
  const [first, second] = [await readInWeather(3), await readInWeather(3)];
  assert.ok(first.labels.length > 20);
  assert.deepEqual(first.labels, second.labels);
});

for (const { name, unsupported, run } of sourceConformance) {
  test(`conformance on a model: ${name}`, async (t) => {
    const model = clicks({ nodes: 2, partitions: 3 });
    const values = fill(model, new Dice(2), 60);
    const options = {
      type: 'kafka',
      brokers: model.addresses,
      topics: ['clicks'],
      fetch: { maxPartitionBytes: '1KiB' },
    };
    const world = systemEnv();
    const sourceBy = (more: object) =>
      kafkaSource(kafkaSourceSettings.parse({ ...options, ...more }), {
        baseDir: '.',
        connect: ({ env }) => new SimulatedWire({ model, env, world, exchange: DIRECT }),
      });
    const harness = { source: sourceBy({ stop: 'latest' }), values, unbounded: sourceBy({}) };
    const why = unsupported?.(harness);
    if (why === undefined) await run(harness);
    else t.skip(why);
  });
}
