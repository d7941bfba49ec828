import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../core/spi.ts';
import { FETCH, METADATA } from '../../../testing/kafka/cluster-state.ts';
import { deliver, eventually, openKafka, readKafka } from './support/harness.ts';
import { failsWith, fill, oneTopic } from './support/one-topic.ts';

test('when a partition moves to another broker, reading goes on there without loss or repeat', async (t) => {
  const { cluster, options } = await oneTopic(t, { nodes: 2 });
  fill(cluster, 'clicks', 0, 5);
  const { reader } = await readKafka(t, options);
  const before = await deliver(reader, ({ values }) => values.length >= 15);
  cluster.model.moveLeader('clicks', 0, 2);
  fill(cluster, 'clicks', 0, 5);
  const after = await deliver(reader, ({ values }) => values.length >= 15);
  assert.deepEqual(
    [...before.values, ...after.values],
    Array.from({ length: 30 }, (_, offset) => `0:${offset}`),
  );
  assert.equal(after.positions.get('clicks/0')?.leaderEpoch, 1);
});

test('errors that pass are retried with a pause and not as fast as the broker answers', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 1);
  let refusals = 0;
  cluster.intervene = ({ apiKey }) => {
    if (apiKey === FETCH && refusals < 5) {
      refusals++;
      cluster.fetchErrors.set('clicks/0', [6, 74, 75, 5, 3][refusals - 1] as number);
    }
    return undefined;
  };
  const startedAt = performance.now();
  const { reader } = await readKafka(t, { ...options, stop: 'latest' });
  const { values } = await deliver(reader);
  assert.equal(values.length, 3);
  assert.equal(refusals, 5);
  assert.ok(performance.now() - startedAt > 500, 'pauses of 50 to 800 ms, less a fifth');
});

test('a broker that dies and comes back is read on, with a warning and no repeats', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 3);
  const { reader, logs } = await readKafka(t, options);
  const before = await deliver(reader, ({ values }) => values.length >= 9);
  const port = await cluster.stopNode(1);
  await eventually('the loss is reported', () =>
    logs.some((line) => line.startsWith('warn: Kafka: fetching from broker 1 failed')),
  );
  assert.equal(await reader.poll({ signal: AbortSignal.timeout(5_000) }), 'idle');
  await cluster.startNode(1, port);
  fill(cluster, 'clicks', 0, 3);
  const after = await deliver(reader, ({ values }) => values.length >= 9);
  assert.deepEqual(
    [...before.values, ...after.values],
    Array.from({ length: 18 }, (_, offset) => `0:${offset}`),
  );
});

test('a connection that breaks in the middle of an answer loses nothing', async (t) => {
  const { cluster, options } = await oneTopic(t);
  const expected = fill(cluster, 'clicks', 0, 10);
  let breaks = 3;
  cluster.intervene = ({ apiKey }) => (apiKey === FETCH && breaks-- > 0 ? 'close' : undefined);
  const { reader } = await readKafka(t, { ...options, stop: 'latest' });
  assert.deepEqual((await deliver(reader)).values, expected);
});

test('a throttled client leaves the broker alone for as long as it is told', async (t) => {
  const { cluster, options } = await oneTopic(t);
  const at: number[] = [];
  let throttled = false;
  cluster.intervene = ({ apiKey }) => {
    if (apiKey !== FETCH) return undefined;
    at.push(performance.now());
    if (throttled) return undefined;
    throttled = true;
    const body = Buffer.alloc(14);
    body.writeInt32BE(300, 0);
    return body;
  };
  const { reader } = await readKafka(t, options);
  fill(cluster, 'clicks', 0, 1);
  await deliver(reader, ({ values }) => values.length >= 3);
  assert.ok((at[1] as number) - (at[0] as number) >= 295);
});

test('a session without its brokers fails as unavailable within 10 s and names them', async (t) => {
  const { cluster, options } = await oneTopic(t);
  await cluster.stopNode(1);
  const startedAt = performance.now();
  await assert.rejects(openKafka(t, options, { speed: 10 }), (error: SluiceError) => {
    failsWith('unavailable', 'KAFKA_UNREACHABLE')(error);
    assert.ok(error.message.includes(cluster.brokers[0] as string));
    return true;
  });
  assert.ok(performance.now() - startedAt < 1_000, 'a tenth of 10 s');
});

test('a broker that takes connections and never answers is unavailable within 10 s too', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.intervene = () => 'ignore';
  const startedAt = performance.now();
  await assert.rejects(openKafka(t, options, { speed: 10 }), failsWith('unavailable', 'KAFKA_UNREACHABLE'));
  assert.ok(performance.now() - startedAt < 1_000, 'a tenth of 10 s');
});

test('many partitions that lose their leader at once are looked for together', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 60 });
  const { reader } = await readKafka(t, options);
  assert.equal(await reader.poll({ signal: AbortSignal.timeout(5_000) }), 'idle');
  const lookups = () => cluster.calls.filter(({ apiKey }) => apiKey === METADATA).length;
  const before = lookups();
  cluster.model.stopNode(1);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.ok(lookups() - before <= 30, `${lookups() - before} lookups within a second`);
  cluster.model.startNode(1);
  for (let partition = 0; partition < 60; partition++) fill(cluster, 'clicks', partition, 1);
  assert.equal((await deliver(reader, ({ values }) => values.length >= 180)).values.length, 180);
});

test('an answer that no retry can mend ends the reader, at every poll', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.intervene = ({ apiKey }) => (apiKey === FETCH ? Buffer.from([0, 0, 0, 0, 0]) : undefined);
  const { reader } = await readKafka(t, options);
  await assert.rejects(deliver(reader), failsWith('rejected', 'KAFKA_RESPONSE_MALFORMED'));
  await assert.rejects(deliver(reader), failsWith('rejected', 'KAFKA_RESPONSE_MALFORMED'));
});
