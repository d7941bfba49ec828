import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchApi } from '../../../connectors/kafka/fetch-request.ts';
import { metadataV7 } from '../../../connectors/kafka/metadata-request.ts';
import type { SluiceError } from '../../../core/spi.ts';
import type { Exchange } from '../../../testing/kafka/simulated-wire.ts';
import { add, clicks } from './support/client.ts';
import { NODE_1, wireTo } from './support/simulation.ts';

const unavailable = (code: string) => (error: SluiceError) => {
  assert.deepEqual([error.kind, error.code], ['unavailable', code]);
  return true;
};

test('an answer lies among foreign bytes, and is overwritten when it is given back', async () => {
  const model = clicks();
  add(model, 2);
  const { fetch } = wireTo(model);
  const { reader, release } = await fetch();
  const { bytes, offset, end } = reader;
  assert.ok(offset > 0 && end < bytes.length);
  assert.equal(bytes.byteOffset, 0, 'memory of its own');
  assert.equal(bytes.length, bytes.buffer.byteLength);
  assert.equal(fetchApi.decode(reader).partitions[0]?.errorCode, 0);
  release();
  assert.ok(bytes.every((byte) => byte === 0xdb));
});

test('a fetch that finds nothing waits at the broker, without keeping anybody else waiting', async () => {
  const model = clicks();
  const { time, wire, fetch } = wireTo(model);
  const fetched = fetch({ maxWaitMs: 500 });
  await time.run(wire.call(NODE_1, metadataV7, { topics: [] }, { lane: 'control' }));
  assert.equal(time.nowMs, 0);
  const { partitions } = fetchApi.decode((await time.run(fetched)).reader);
  assert.equal(time.nowMs, 500);
  assert.equal(partitions[0]?.end, partitions[0]?.start);
});

test('a waiting fetch is answered as soon as there are records, and not by changes elsewhere', async () => {
  const model = clicks({ partitions: 2 });
  const { time, fetch } = wireTo(model);
  const { timers } = time.process({ pid: 2, seed: 3 }).env;
  timers.after(100, () => add(model, 1, { partition: 1 }));
  timers.after(200, () => add(model, 1));
  const { partitions } = fetchApi.decode((await time.run(fetch({ maxWaitMs: 500 }))).reader);
  assert.equal(time.nowMs, 200);
  assert.equal(partitions[0]?.highWatermark, 1);
});

test('an open transaction keeps a committed fetch waiting until it ends', async () => {
  const model = clicks();
  model.beginTransaction(1);
  add(model, 1, { producerId: 1 });
  const { time, fetch } = wireTo(model);
  time.process({ pid: 2, seed: 3 }).env.timers.after(300, () => model.endTransaction(1, 'abort'));
  const { partitions } = fetchApi.decode((await time.run(fetch())).reader);
  assert.equal(time.nowMs, 300);
  assert.deepEqual(partitions[0]?.aborted, [{ producerId: 1, firstOffset: 0 }]);
});

test('a node that stops breaks the connections to it, also those on which somebody waits', async () => {
  const model = clicks({ nodes: 2 });
  const { time, fetch } = wireTo(model);
  time.process({ pid: 2, seed: 3 }).env.timers.after(100, () => model.stopNode(1));
  await assert.rejects(time.run(fetch()), unavailable('KAFKA_CONNECTION'));
  assert.equal(time.nowMs, 100);
  await assert.rejects(time.run(fetch()), unavailable('KAFKA_CONNECTION'));
  model.startNode(1);
  model.moveLeader('clicks', 0, 1);
  await time.run(fetch());
});

test('addresses of no node are not reached', async () => {
  const { wire } = wireTo(clicks());
  for (const address of [
    { host: 'node-7', port: 9092 },
    { host: 'kafka', port: 9092 },
    { host: 'node-1', port: 9093 },
  ]) {
    await assert.rejects(wire.versions(address), unavailable('KAFKA_CONNECTION'));
  }
});

test('each request is one exchange with a name, after one that opens the connection', async () => {
  const model = clicks();
  add(model, 1);
  const labels: string[] = [];
  const exchange: Exchange = {
    call: async (label, effect) => {
      labels.push(label);
      return effect();
    },
  };
  const { wire, fetch } = wireTo(model, { exchange });
  assert.deepEqual((await wire.versions(NODE_1)).get(fetchApi.key), { min: 4, max: 18 });
  await wire.call(NODE_1, metadataV7, { topics: [] }, { lane: 'control' });
  await fetch();
  await fetch();
  assert.deepEqual(labels, [
    'kafka.ApiVersions 1',
    'kafka.Metadata 1',
    'kafka.ApiVersions 1',
    'kafka.Fetch 1',
    'kafka.Fetch 1',
  ]);
});

test('a lost answer is a lost connection for all that wait on it, and the next request opens another', async () => {
  const model = clicks();
  const losses: (() => void)[] = [];
  const exchange: Exchange = {
    call: async (label, effect) => {
      const answer = await effect();
      if (!label.startsWith('kafka.Metadata')) return answer;
      return new Promise((_, reject) => losses.push(() => reject(new Error('lost'))));
    },
  };
  const { wire, fetch } = wireTo(model, { exchange });
  await wire.versions(NODE_1);
  const ask = () => wire.call(NODE_1, metadataV7, { topics: [] }, { lane: 'control' });
  const both = Promise.allSettled([ask(), ask()]);
  while (losses.length < 2) await Promise.resolve();
  losses[0]?.();
  for (const settled of await both) {
    assert.ok(settled.status === 'rejected' && unavailable('KAFKA_CONNECTION')(settled.reason));
  }
  add(model, 1);
  await fetch();
});

test('an answer that never comes is given up', async () => {
  const model = clicks();
  const exchange: Exchange = {
    call: async (label, effect) => (label.startsWith('kafka.Fetch') ? new Promise(() => {}) : effect()),
  };
  const { time, fetch } = wireTo(model, { exchange });
  await assert.rejects(time.run(fetch({ maxWaitMs: 500 })), unavailable('KAFKA_CONNECTION'));
  assert.equal(time.nowMs, 10_500);
});

test('closing rejects what waits and what comes after', async () => {
  const { wire, fetch } = wireTo(clicks());
  await wire.versions(NODE_1);
  const waiting = fetch();
  await Promise.resolve();
  wire.close();
  await assert.rejects(waiting, unavailable('KAFKA_CLOSED'));
  await assert.rejects(fetch(), unavailable('KAFKA_CLOSED'));
  await assert.rejects(wire.versions(NODE_1), unavailable('KAFKA_CLOSED'));
});

test('an answer can be damaged on its way, and the log stays as it is', async () => {
  const model = clicks();
  add(model, 1);
  let damages = 1;
  const mangle = (apiKey: number, body: Buffer) => {
    if (apiKey === fetchApi.key && damages-- > 0) body.fill(0, body.length - 3);
    return body;
  };
  const { fetch } = wireTo(model, { mangle });
  const bytesOf = async () => {
    const { reader } = await fetch();
    return reader.bytes.toString('hex', reader.offset, reader.end);
  };
  const damaged = await bytesOf();
  const whole = await bytesOf();
  assert.notEqual(damaged, whole);
  assert.equal(whole, await bytesOf());
});

test('a mistake of the model is not taken for a lost connection', async () => {
  const { wire } = wireTo(clicks());
  const unknown = { ...metadataV7, key: 99, name: 'Unknown' };
  await assert.rejects(wire.call(NODE_1, unknown, { topics: [] }, { lane: 'control' }), /knows no API 99/);
});
