import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaOptions } from '../../../connectors/kafka/index.ts';
import type { SluiceError } from '../../../core/spi.ts';
import { encodeBatch, encodeMarker } from './support/batch-encoder.ts';
import { FakeCluster, FETCH } from './support/fake-broker.ts';
import { deliver, eventually, openKafka, readKafka } from './support/harness.ts';

/** Batches of `count` records each from `baseOffset` on, with values `<prefix><offset>`. */
function fill(cluster: FakeCluster, topic: string, partition: number, batches: number, count = 3): string[] {
  const values: string[] = [];
  let offset = cluster.partition(topic, partition).endOffset;
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: count }, (_, index) => ({ value: `${partition}:${offset + index}` }));
    values.push(...records.map(({ value }) => value));
    cluster.append(
      topic,
      partition,
      encodeBatch(records, { baseOffset: offset, leaderEpoch: cluster.partition(topic, partition).leaderEpoch }),
    );
    offset += count;
  }
  return values;
}

async function oneTopic(t: Parameters<typeof FakeCluster.start>[0], { partitions = 1, nodes = 1 } = {}) {
  const cluster = await FakeCluster.start(t, nodes);
  cluster.topic('clicks', partitions);
  const options: KafkaOptions = { brokers: cluster.brokers, topics: ['clicks'], publishOffsets: false };
  return { cluster, options };
}

const failsWith = (kind: string, code: string) => (error: SluiceError) => {
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  return true;
};

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
  fill(cluster, 'clicks', 0, 4);
  const { reader, gauges } = await readKafka(t, { ...options, stop: 'latest' });
  const frame = await reader.poll({ signal: AbortSignal.timeout(5_000) });
  assert.ok(typeof frame === 'object');
  frame.retain();
  frame.release();
  assert.ok((gauges.get('memoryBytes') as number) > 0);
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
  cluster.partition('clicks', 0).lastStableOffset = 3;
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

test('a broken batch in a bounded run is an error, although the stop was fetched already', async (t) => {
  const { cluster, options } = await oneTopic(t);
  const marker = encodeMarker('commit', { baseOffset: 0, producerId: 1 });
  marker[marker.length - 1] = 0x55;
  cluster.append('clicks', 0, marker);
  for (let offset = 1; offset < 4; offset++) {
    cluster.append('clicks', 0, encodeBatch([{ value: 'x'.repeat(2_000) }], { baseOffset: offset }));
  }
  const { reader } = await readKafka(t, {
    ...options,
    stop: 'latest',
    fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' },
  });
  await eventually('all is fetched', () => cluster.calls.filter(({ apiKey }) => apiKey === FETCH).length >= 2);
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

test('when a partition moves to another broker, reading goes on there without loss or repeat', async (t) => {
  const { cluster, options } = await oneTopic(t, { nodes: 2 });
  const partition = cluster.partition('clicks', 0);
  fill(cluster, 'clicks', 0, 5);
  const { reader } = await readKafka(t, options);
  const before = await deliver(reader, ({ values }) => values.length >= 15);
  partition.leader = 2;
  partition.leaderEpoch = 1;
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

test('an offset that is gone: fail names partition, wanted, oldest and end', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 4);
  cluster.partition('clicks', 0).logStartOffset = 6;
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
  cluster.partition('clicks', 0).logStartOffset = 6;
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
  const partition = cluster.partition('clicks', 0);
  fill(cluster, 'clicks', 0, 2); // epoch 0: offsets 0 to 5
  partition.leaderEpoch = 2;
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
  const partition = cluster.partition('clicks', 0);
  fill(cluster, 'clicks', 0, 4);
  const { reader } = await readKafka(t, options);
  await deliver(reader, ({ values }) => values.length >= 12);
  partition.batches.length = 2;
  partition.leaderEpoch = 1;
  fill(cluster, 'clicks', 0, 3);
  await assert.rejects(deliver(reader), failsWith('dataLoss', 'KAFKA_LOG_TRUNCATED'));
});

test('a topic made again under the same name is another topic', async (t) => {
  const { cluster, options } = await oneTopic(t);
  fill(cluster, 'clicks', 0, 2);
  const { reader } = await readKafka(t, options);
  await deliver(reader, ({ values }) => values.length >= 6);
  const { partitions } = cluster.topic('clicks');
  (partitions[0] as { leaderEpoch: number }).leaderEpoch = 0;
  (cluster.topics.get('clicks') as { id: string }).id = 'another';
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
  cluster.topics.delete('clicks');

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
  fill(cluster, 'clicks', 0, 4);
  cluster.partition('clicks', 0).lastStableOffset = 6;
  const { reader, gauges } = await readKafka(t, { ...options, stop: { offsets: { clicks: { '0': 3 } } } });
  await deliver(reader);
  assert.equal(gauges.get('lag'), 3);
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
