import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch } from '../../../testing/kafka/batch-encoder.ts';
import { FETCH } from '../../../testing/kafka/cluster-state.ts';
import { deliver, eventually, readKafka } from './support/harness.ts';
import { fill, oneTopic } from './support/one-topic.ts';

test('records that arrive while polling are delivered; without any, poll says idle', async (t) => {
  const { cluster, options } = await oneTopic(t);
  const { reader } = await readKafka(t, options);
  assert.equal(await reader.poll({ signal: AbortSignal.timeout(5_000) }), 'idle');
  const expected = fill(cluster, 'clicks', 0, 1);
  const { values } = await deliver(reader, ({ values }) => values.length === 3);
  assert.deepEqual(values, expected);
});

test('poll returns at once when its signal aborts, and the reader can be polled again', async (t) => {
  const { cluster, options } = await oneTopic(t);
  const { reader } = await readKafka(t, options);
  const abort = new AbortController();
  const polled = reader.poll({ signal: abort.signal });
  const abortedAt = performance.now();
  abort.abort();
  assert.equal(await polled, 'idle');
  assert.ok(performance.now() - abortedAt < 100);
  fill(cluster, 'clicks', 0, 1);
  assert.equal((await deliver(reader, ({ values }) => values.length > 0)).values.length, 3);
});

test('one fetch is in flight per broker, and at most two answers wait to be polled', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 200, 50);
  const fetches = () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length;
  const { reader } = await readKafka(t, { ...options, fetch: { maxWait: '50ms', maxPartitionBytes: '2KiB' } });
  await eventually('the reader fetches ahead', () => fetches() === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(fetches(), 2);
  await reader.poll({ signal: AbortSignal.timeout(5_000) });
  await eventually('a polled answer makes room for the next', () => fetches() === 3);
});

test('memory is reserved for what is fetched ahead and given back when the frame is recycled', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2);
  cluster.append('clicks', 0, encodeBatch([{ value: 'open' }], { baseOffset: 6, producerId: 1, transactional: true }));
  const { reader, gauges } = await readKafka(t, { ...options, stop: 'latest' });
  const frame = await reader.poll({ signal: AbortSignal.timeout(5_000) });
  assert.ok(typeof frame === 'object');
  frame.retain();
  frame.release();
  // 1 MiB was reserved before anything was known; what has come is held at its real size.
  assert.ok((gauges.get('memoryBytes') as number) > 0);
  assert.ok((gauges.get('memoryBytes') as number) < 10_000);
  frame.release();
  assert.equal(await reader.poll({ signal: AbortSignal.timeout(5_000) }), 'end');
  await eventually('all memory is given back', () => gauges.get('memoryBytes') === 0);
});

test('partitions that got nothing are asked for first: two with batches above the limit both advance', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 2 });
  const big = (partition: number, baseOffset: number) =>
    cluster.append('clicks', partition, encodeBatch([{ value: `${partition}${'x'.repeat(200_000)}` }], { baseOffset }));
  for (const partition of [0, 1]) for (const offset of [0, 1, 2]) big(partition, offset);
  const { reader } = await readKafka(t, {
    ...options,
    stop: 'latest',
    fetch: { maxWait: '50ms', maxBytes: '64KiB', maxPartitionBytes: '1KiB' },
  });
  const { values } = await deliver(reader);
  // Whoever got something goes behind the other, so they take turns.
  assert.deepEqual(
    values.map((value) => value?.[0]),
    ['0', '1', '0', '1', '0', '1'],
  );
});

test('a revoked split is not delivered any more, and assigned again it goes on where it is told to', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 2 });
  const { reader, splits } = await readKafka(t, options);
  fill(cluster, 'clicks', 0, 1);
  await deliver(reader, ({ values }) => values.length >= 3);
  reader.revoke(['clicks/0']);
  fill(cluster, 'clicks', 0, 1);
  fill(cluster, 'clicks', 1, 1);
  const other = await deliver(reader, ({ values }) => values.length >= 3);
  assert.deepEqual(other.values, ['1:0', '1:1', '1:2']);
  const [first] = splits;
  assert.ok(first);
  reader.assign([{ ...first, position: { offset: 1, leaderEpoch: 0 } }]);
  const again = await deliver(reader, ({ values }) => values.length >= 5);
  assert.deepEqual(again.values, ['0:1', '0:2', '0:3', '0:4', '0:5']);
});

test('lag is what lies between the delivered position and the last stable offset', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2);
  cluster.append('clicks', 0, encodeBatch([{ value: 'open' }], { baseOffset: 6, producerId: 1, transactional: true }));
  const { reader, gauges } = await readKafka(t, { ...options, stop: { offsets: { clicks: { '0': 3 } } } });
  await deliver(reader);
  assert.equal(gauges.get('lag'), 3);
});

test('disposing ends at once with a long poll in flight, and gives all memory back', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 1);
  const { session, reader, gauges } = await readKafka(t, { ...options, fetch: { maxWait: '30s' } });
  await deliver(reader, ({ values }) => values.length >= 3);
  const startedAt = performance.now();
  await reader[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedAt < 200);
  await eventually('memory is given back', () => gauges.get('memoryBytes') === 0);
});

test('what was fetched ahead of a split that is revoked is not delivered', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 2 });
  fill(cluster, 'clicks', 0, 2);
  fill(cluster, 'clicks', 1, 2);
  const { reader } = await readKafka(t, options);
  await eventually('both are fetched', () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length >= 2);
  reader.revoke(['clicks/0']);
  const { values, positions } = await deliver(reader, ({ values }) => values.length >= 6);
  assert.deepEqual(values, ['1:0', '1:1', '1:2', '1:3', '1:4', '1:5']);
  assert.deepEqual([...positions.keys()], ['clicks/1']);
});

test('disposing gives back what was fetched and never polled', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 20, 50);
  const { reader, gauges } = await readKafka(t, { ...options, fetch: { maxWait: '50ms', maxPartitionBytes: '2KiB' } });
  await eventually('two answers wait', () => (gauges.get('memoryBytes') ?? 8 << 20) < 10_000);
  assert.ok((gauges.get('memoryBytes') as number) > 0);
  await reader[Symbol.asyncDispose]();
  assert.equal(gauges.get('memoryBytes'), 0);
});
