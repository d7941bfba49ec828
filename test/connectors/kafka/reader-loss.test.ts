import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaOptions } from '../../../connectors/kafka/index.ts';
import type { SluiceError } from '../../../core/spi.ts';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';
import { FETCH, METADATA } from '../../../testing/kafka/cluster-state.ts';
import { deliver, eventually, readKafka } from './support/harness.ts';
import { failsWith, fill, oneTopic } from './support/one-topic.ts';

test('an offset that is gone: fail names partition, wanted, oldest and end', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 4);
  cluster.model.deleteRecordsBefore('clicks', 0, 6);
  const { reader } = await readKafka(t, options, { 'clicks/0': { offset: 2, leaderEpoch: -1 } });
  await assert.rejects(deliver(reader), (error: SluiceError) => {
    failsWith('dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE')(error);
    assert.deepEqual(error.details, { split: 'clicks/0', wanted: 2, earliest: 6, end: 12 });
    return true;
  });
  // And again: an error that no retry can mend does not go away by polling.
  await assert.rejects(
    reader.poll({ signal: AbortSignal.timeout(5_000) }),
    failsWith('dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE'),
  );
});

test('an offset that is gone: earliest goes on from the oldest, latest from the end, both with a warning', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 4);
  cluster.model.deleteRecordsBefore('clicks', 0, 6);
  const saved = { 'clicks/0': { offset: 2, leaderEpoch: -1 } };

  const earliest = await readKafka(t, { ...options, onOffsetOutOfRange: 'earliest', stop: 'latest' }, saved);
  assert.deepEqual((await deliver(earliest.reader)).values, ['0:6', '0:7', '0:8', '0:9', '0:10', '0:11']);
  assert.ok(earliest.logs.some((line) => line.includes('clicks/0 goes on at 6')));

  const latest = await readKafka(t, { ...options, onOffsetOutOfRange: 'latest', stop: 'latest' }, saved);
  const { values, ended } = await deliver(latest.reader);
  assert.deepEqual(values, []);
  assert.ok(ended);
});

test('a log that lost what was read is noticed at the start, by the epoch of the saved position', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2); // epoch 0: offsets 0 to 5
  cluster.model.moveLeader('clicks', 0, 1);
  cluster.model.moveLeader('clicks', 0, 1);
  fill(cluster, 'clicks', 0, 4); // epoch 2: from offset 6

  const intact = await readKafka(t, { ...options, stop: 'latest' }, { 'clicks/0': { offset: 6, leaderEpoch: 0 } });
  assert.equal((await deliver(intact.reader)).values.length, 12);

  // Read up to 9 in epoch 0, but that epoch ends at 6 now: 6 to 8 were replaced by others.
  const truncated = await readKafka(t, options, { 'clicks/0': { offset: 9, leaderEpoch: 0 } });
  await assert.rejects(deliver(truncated.reader), failsWith('dataLoss', 'KAFKA_LOG_TRUNCATED'));

  // An epoch that the leader never heard of.
  const unknown = await readKafka(t, options, { 'clicks/0': { offset: 3, leaderEpoch: 7 } });
  await assert.rejects(deliver(unknown.reader), failsWith('dataLoss', 'KAFKA_LOG_TRUNCATED'));
});

test('a log that is truncated while it is read is noticed when its leader changes, and what was fetched is not delivered twice', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 4);
  const { reader } = await readKafka(t, options);
  await deliver(reader, ({ values }) => values.length >= 12);
  cluster.model.truncate('clicks', 0, 6);
  fill(cluster, 'clicks', 0, 3);
  await assert.rejects(deliver(reader), failsWith('dataLoss', 'KAFKA_LOG_TRUNCATED'));
});

test('a topic made again under the same name is another topic', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2);
  const { reader } = await readKafka(t, options);
  await deliver(reader, ({ values }) => values.length >= 6);
  cluster.model.recreateTopic('clicks');
  await assert.rejects(deliver(reader), failsWith('dataLoss', 'KAFKA_TOPIC_RECREATED'));
});

test('a deleted topic ends the run by name, or is left out when that is allowed', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.topic('views');
  fill(cluster, 'clicks', 0, 1);
  const both: KafkaOptions = { ...options, topics: ['clicks', 'views'] };
  const failing = await readKafka(t, both, {}, { speed: 10 });
  const ignoring = await readKafka(t, { ...both, onDeletedTopic: 'ignore' }, {}, { speed: 10 });
  await deliver(failing.reader, ({ values }) => values.length >= 3);
  await deliver(ignoring.reader, ({ values }) => values.length >= 3);
  cluster.model.deleteTopic('clicks');

  await assert.rejects(deliver(failing.reader), failsWith('dataLoss', 'KAFKA_TOPIC_DELETED'));
  fill(cluster, 'views', 0, 1);
  assert.equal((await deliver(ignoring.reader, ({ values }) => values.length >= 3)).values.length, 3);
  await eventually('the loss is told', () =>
    ignoring.logs.some((line) => line.includes('clicks/0 is not read any more')),
  );
});

test('no permission to read is a matter of configuration, and names topic and operation', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 1);
  cluster.fetchErrors.set('clicks/0', 29);
  const { reader } = await readKafka(t, options);
  await assert.rejects(deliver(reader), (error: SluiceError) => {
    failsWith('config', 'KAFKA_NOT_AUTHORIZED')(error);
    assert.match(error.message, /Read on topic clicks/);
    return true;
  });
});

test('a poison batch: what lies before it is delivered, then one error says where, and the broker is left alone', async (t) => {
  const { cluster, options } = await oneTopic(t, { partitions: 2 });
  fill(cluster, 'clicks', 0, 2);
  const poison = encodeBatch([{ value: 'x' }], { baseOffset: 6, magic: 1 });
  cluster.append('clicks', 0, poison);
  const { reader } = await readKafka(t, options);
  const values: (string | null)[] = [];
  await assert.rejects(
    deliver(reader, (delivered) => {
      values.splice(0, values.length, ...delivered.values);
      return false;
    }),
    (error: SluiceError) => error.code === 'KAFKA_OLD_MESSAGE_FORMAT' && error.details.offset === 6,
  );
  assert.equal(values.length, 6);
  const fetches = () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length;
  const before = fetches();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(fetches() - before <= 6, 'only the long polls of the other partition');
});

test('a damaged control batch stops its partition at that place, although later answers are there already', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 1);
  const marker = encodeMarker('commit', { baseOffset: 3, producerId: 1 });
  marker[marker.length - 1] = 0x55;
  cluster.append('clicks', 0, marker);
  cluster.append('clicks', 0, encodeBatch([{ value: 'behind' }], { baseOffset: 4 }));
  const { reader } = await readKafka(t, { ...options, fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' } });
  const values: (string | null)[] = [];
  await assert.rejects(
    deliver(reader, (delivered) => {
      values.splice(0, values.length, ...delivered.values);
      return false;
    }),
    failsWith('rejected', 'KAFKA_CORRUPT_BATCH'),
  );
  assert.deepEqual(values, ['0:0', '0:1', '0:2']);
});

test('going on behind lost records comes after what was fetched before them', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 20, 50);
  const { reader, logs } = await readKafka(t, {
    ...options,
    onOffsetOutOfRange: 'earliest',
    fetch: { maxWait: '50ms', maxPartitionBytes: '2KiB' },
  });
  const fetches = () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length;
  await eventually('two answers wait', () => fetches() === 2);
  cluster.model.deleteRecordsBefore('clicks', 0, 900);
  const first = await deliver(reader, ({ values }) => values.length > 0);
  await eventually('the loss is noticed', () => logs.some((line) => line.includes('goes on at 900')));
  const rest = await deliver(reader, ({ positions }) => positions.get('clicks/0')?.offset === 1_000);
  const offsets = [...first.values, ...rest.values].map((value) => Number(value?.split(':')[1]));
  const before = offsets.filter((offset) => offset < 900);
  assert.ok(before.length > first.values.length, 'the second answer was delivered too');
  assert.deepEqual(offsets, [
    ...before.map((_, index) => index),
    ...Array.from({ length: 100 }, (_, index) => 900 + index),
  ]);
});

test('a batch that turns out broken while a new leader is looked for stays an error', async (t) => {
  const { cluster, options } = await oneTopic(t);
  cluster.append('clicks', 0, encodeBatch([{ value: 'good' }]));
  const marker = encodeMarker('commit', { baseOffset: 1, producerId: 1 });
  marker[marker.length - 1] = 0x55;
  cluster.append('clicks', 0, marker);
  const { reader } = await readKafka(t, { ...options, fetch: { maxWait: '5s' } });
  await eventually('the next fetch waits at the broker', () => {
    return cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length === 2;
  });
  const { promise: polled, resolve: go } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  cluster.intervene = async ({ apiKey }) => {
    if (apiKey !== METADATA) return undefined;
    asked.resolve();
    await polled;
    return undefined;
  };
  cluster.fetchErrors.set('clicks/0', 6);
  cluster.changed();
  await asked.promise;
  assert.deepEqual((await deliver(reader, ({ values }) => values.length > 0)).values, ['good']);
  go();
  await assert.rejects(deliver(reader), failsWith('rejected', 'KAFKA_CORRUPT_BATCH'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await assert.rejects(deliver(reader), failsWith('rejected', 'KAFKA_CORRUPT_BATCH'));
});
