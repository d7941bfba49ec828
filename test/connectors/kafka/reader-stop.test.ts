import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';
import { FETCH } from '../../../testing/kafka/cluster-state.ts';
import { deliver, eventually, readKafka } from './support/harness.ts';
import { failsWith, fill, oneTopic } from './support/one-topic.ts';

test('a bounded run delivers every record once and ends', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 3 });
  const expected = [0, 1, 2].flatMap((partition) => fill(cluster, 'clicks', partition, 20));
  const { reader } = await readKafka(t, { ...options, stop: 'latest' });
  const { values, positions, ended } = await deliver(reader);
  assert.ok(ended);
  assert.deepEqual(values.toSorted(), expected.toSorted());
  assert.deepEqual(
    [...positions.values()].map(({ offset }) => offset),
    [60, 60, 60],
  );
});

test('a run that starts and stops inside batches delivers exactly the records between', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 5, 10);
  const { reader } = await readKafka(t, {
    ...options,
    start: { offsets: { clicks: { '0': 13 } } },
    stop: { offsets: { clicks: { '0': 27 } } },
  });
  const { values, positions } = await deliver(reader);
  assert.deepEqual(
    values,
    Array.from({ length: 14 }, (_, index) => `0:${index + 13}`),
  );
  assert.equal(positions.get('clicks/0')?.offset, 27);
});

test('a stop behind markers and batches emptied by compaction is reached by position', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.append('clicks', 0, encodeBatch([{ value: 'a' }], { baseOffset: 0, producerId: 1, transactional: true }));
  cluster.append('clicks', 0, encodeMarker('commit', { baseOffset: 1, producerId: 1 }));
  cluster.append('clicks', 0, encodeBatch([], { baseOffset: 2, lastOffsetDelta: 9 }));
  const { reader } = await readKafka(t, { ...options, stop: 'latest' });
  const { values, positions, ended } = await deliver(reader);
  assert.ok(ended);
  assert.deepEqual(values, ['a']);
  assert.equal(positions.get('clicks/0')?.offset, 12);
});

test('an open transaction of somebody else does not keep a bounded run from ending', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 1);
  cluster.append('clicks', 0, encodeBatch([{ value: 'open' }], { baseOffset: 3, producerId: 9, transactional: true }));
  const { reader } = await readKafka(t, { ...options, stop: 'latest' });
  assert.deepEqual((await deliver(reader)).values, ['0:0', '0:1', '0:2']);
});

test('a stop before the start has nothing to read, and the run ends', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 4);
  const { reader } = await readKafka(t, {
    ...options,
    start: { offsets: { clicks: { '0': 9 } } },
    stop: { offsets: { clicks: { '0': 5 } } },
  });
  const { values, ended } = await deliver(reader);
  assert.deepEqual(values, []);
  assert.ok(ended);
});

test('a broken batch in a bounded run is an error, although the stop is fetched afterwards', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.append('clicks', 0, encodeBatch([{ value: 'good' }]));
  const marker = encodeMarker('commit', { baseOffset: 1, producerId: 1 });
  marker[marker.length - 1] = 0x55;
  cluster.append('clicks', 0, marker);
  const { reader, gauges } = await readKafka(t, {
    ...options,
    stop: { offsets: { clicks: { '0': 4 } } },
    fetch: { maxWait: '5s' },
  });
  const fetches = () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length;
  await eventually('the next fetch waits at the broker', () => fetches() === 2);
  assert.deepEqual((await deliver(reader, ({ values }) => values.length > 0)).values, ['good']);
  cluster.append('clicks', 0, encodeBatch([{ value: 'c' }, { value: 'd' }], { baseOffset: 2 }));
  await eventually('its answer is dropped', () => gauges.get('memoryBytes') === 0);
  await assert.rejects(deliver(reader), failsWith('rejected', 'KAFKA_CORRUPT_BATCH'));
});

test('a stop is resolved once: what arrives later waits for the next run', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2);
  const { reader } = await readKafka(t, {
    ...options,
    stop: 'latest',
    fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' },
  });
  await reader.poll({ signal: AbortSignal.timeout(5_000) });
  fill(cluster, 'clicks', 0, 5);
  const { ended, values } = await deliver(reader);
  assert.ok(ended);
  assert.deepEqual(values, []);
});

test('a stop stays where it was when the partition moves to another broker', async (t) => {
  const { cluster, options } = await oneTopic(t, { nodes: 2 });
  fill(cluster, 'clicks', 0, 20, 50);
  const { reader } = await readKafka(t, {
    ...options,
    stop: 'latest',
    fetch: { maxWait: '50ms', maxPartitionBytes: '2KiB' },
  });
  await deliver(reader, ({ values }) => values.length > 0);
  cluster.model.moveLeader('clicks', 0, 2);
  fill(cluster, 'clicks', 0, 20, 50);
  const { ended, positions } = await deliver(reader);
  assert.ok(ended);
  assert.equal(positions.get('clicks/0')?.offset, 1_000);
});
