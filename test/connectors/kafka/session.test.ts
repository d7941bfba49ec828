import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KafkaOptions } from '../../../connectors/kafka/index.ts';
import { WireWriter } from '../../../connectors/kafka/wire.ts';
import type { SluiceError } from '../../../core/spi.ts';
import { encodeBatch } from '../../../testing/kafka/batch-encoder.ts';
import { METADATA } from '../../../testing/kafka/cluster-state.ts';
import { FakeCluster } from './support/fake-broker.ts';
import { eventually, openKafka } from './support/harness.ts';

async function start(t: TestContext): Promise<{ cluster: FakeCluster; options: KafkaOptions }> {
  const cluster = await FakeCluster.start(t);
  cluster.topic('clicks', 2);
  return { cluster, options: { brokers: cluster.brokers, topics: ['clicks'] } };
}

/** Ten records, one each 1000 ms, those from `openFrom` on in a transaction that nobody ends. */
function fill(cluster: FakeCluster, topic: string, partition: number, { openFrom = 10 } = {}): void {
  for (let offset = 0; offset < 10; offset++) {
    const records = [{ value: 'v', timestampMs: 1_000_000 + offset * 1000 }];
    const producer = offset < openFrom ? {} : { producerId: 1, transactional: true };
    cluster.append(topic, partition, encodeBatch(records, { baseOffset: offset, ...producer }));
  }
}

test('opening asks for no topic at all: the metadata of a big cluster is large', async (t) => {
  const { cluster, options } = await start(t);
  const asked: number[] = [];
  cluster.intervene = ({ apiKey }, body) => {
    if (apiKey === METADATA) asked.push(body.unsignedVarint());
    return undefined;
  };
  await openKafka(t, options);
  assert.deepEqual(asked, [1], 'an empty list, not null');
});

test('discovery gives every partition with the id of its topic and the id of the cluster', async (t) => {
  const { cluster, options } = await start(t);
  cluster.topic('views');
  const { session } = await openKafka(t, { ...options, topics: ['views', 'clicks'] });
  const { clusterId, splits } = await session.discover();
  assert.equal(clusterId, 'fake-cluster');
  assert.deepEqual(
    splits.map(({ id }) => id),
    ['clicks/0', 'clicks/1', 'views/0'],
  );
  assert.equal(splits[0]?.identity, splits[1]?.identity);
  assert.notEqual(splits[0]?.identity, splits[2]?.identity);
});

test('brokers too old for topic ids are asked in an older version, and splits have no identity', async (t) => {
  const { cluster, options } = await start(t);
  for (const [newest, used] of [
    [9, 7],
    [11, 10],
  ] as const) {
    cluster.ranges[METADATA] = [0, newest];
    const { session } = await openKafka(t, options);
    const { splits } = await session.discover();
    assert.equal(cluster.calls.findLast(({ apiKey }) => apiKey === METADATA)?.apiVersion, used);
    assert.deepEqual(
      splits.map(({ identity }) => identity !== null),
      [used >= 10, used >= 10],
    );
  }
});

test('a pattern finds topics by their whole name, later ones too, and never internal ones', async (t) => {
  const { cluster, options } = await start(t);
  cluster.topic('__clicks');
  cluster.topic('old-clicks');
  const { topics: _, ...rest } = options;
  const { session } = await openKafka(t, { ...rest, topicPattern: '(__)?clicks.*' });
  const names = async () => [...new Set((await session.discover()).splits.map(({ group }) => group))];
  assert.deepEqual(await names(), ['clicks']);
  cluster.topic('clicks-2');
  assert.deepEqual(await names(), ['clicks', 'clicks-2']);
});

test('topics that do not exist are named', async (t) => {
  const { options } = await start(t);
  const missing = await openKafka(t, { ...options, topics: ['clicks', 'clics', 'viws'] });
  await assert.rejects(missing.session.discover(), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_TOPIC_MISSING']);
    assert.match(error.message, /topic clics, topic viws do not exist/);
    return true;
  });
  const { topics: _, ...rest } = options;
  const pattern = await openKafka(t, { ...rest, topicPattern: 'x.*' });
  await assert.rejects(pattern.session.discover(), (error: SluiceError) =>
    /a topic matching x\.\* does not exist/.test(error.message),
  );
});

test('waitForTopic waits until the topic is there, and ends with its signal', async (t) => {
  const { cluster, options } = await start(t);
  const { session, logs } = await openKafka(t, { ...options, topics: ['late'], waitForTopic: true }, { speed: 10 });
  const found = session.discover();
  await eventually('it says that it waits', () => logs.some((line) => line.includes('waiting for topic late')));
  cluster.topic('late');
  assert.deepEqual(
    (await found).splits.map(({ id }) => id),
    ['late/0'],
  );

  const other = await openKafka(t, { ...options, topics: ['never'], waitForTopic: true }, { speed: 10 });
  const abort = new AbortController();
  const waiting = other.session.discover({ signal: abort.signal });
  abort.abort();
  await assert.rejects(waiting, (error: Error) => error.name === 'AbortError');
});

test('a topic deleted later is left out of later looks: the reader decides what that means', async (t) => {
  const { cluster, options } = await start(t);
  cluster.topic('views');
  const { session } = await openKafka(t, { ...options, topics: ['clicks', 'views'] });
  await session.discover();
  cluster.model.deleteTopic('views');
  assert.deepEqual(
    (await session.discover()).splits.map(({ id }) => id),
    ['clicks/0', 'clicks/1'],
  );
});

test('with onDeletedTopic: ignore a topic that is gone at the start is left out with a warning, unless none is left', async (t) => {
  const { options } = await start(t);
  const { session, logs } = await openKafka(t, { ...options, topics: ['clicks', 'gone'], onDeletedTopic: 'ignore' });
  assert.equal((await session.discover()).splits.length, 2);
  assert.ok(logs.some((line) => line.startsWith('warn: Kafka: going on without topic gone')));
  const alone = await openKafka(t, { ...options, topics: ['gone'], onDeletedTopic: 'ignore' });
  await assert.rejects(alone.session.discover(), (error: SluiceError) => error.code === 'KAFKA_TOPIC_MISSING');
});

test('no permission to describe a topic is a matter of configuration that names it', async (t) => {
  const { cluster, options } = await start(t);
  const { session } = await openKafka(t, options);
  cluster.intervene = ({ apiKey }) => {
    if (apiKey !== METADATA) return undefined;
    const writer = new WireWriter()
      .i32(0)
      .compactArray([], () => {})
      .compactString('fake-cluster')
      .i32(1);
    const topic = () =>
      writer
        .i16(29)
        .compactString('clicks')
        .raw(Buffer.alloc(16))
        .bool(false)
        .compactArray([], () => {})
        .i32(0)
        .noTags();
    return writer.compactArray(['clicks'], topic).noTags().done();
  };
  await assert.rejects(session.discover(), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_NOT_AUTHORIZED']);
    assert.match(error.message, /Describe on topic clicks/);
    return true;
  });
});

test('start positions of every kind', async (t) => {
  const { cluster, options } = await start(t);
  fill(cluster, 'clicks', 0, { openFrom: 7 });
  fill(cluster, 'clicks', 1);
  cluster.model.deleteRecordsBefore('clicks', 0, 2);
  cluster.groups.set('old', new Map([['clicks/1', { offset: 4, leaderEpoch: 0 }]]));
  const offsetsOf = async (
    start: KafkaOptions['start'],
    more: Partial<KafkaOptions> = {},
    why: 'first' | 'found' = 'first',
  ) => {
    const { session } = await openKafka(t, { ...options, ...more, ...(start === undefined ? {} : { start }) });
    const { splits } = await session.discover();
    return (await session.startPositions(splits, why)).map(({ offset }) => offset);
  };
  assert.deepEqual(await offsetsOf(undefined), [2, 0]);
  assert.deepEqual(await offsetsOf('earliest'), [2, 0]);
  assert.deepEqual(await offsetsOf('latest'), [7, 10], 'the last stable offset');
  assert.deepEqual(await offsetsOf('latest', { isolation: 'read_uncommitted' }), [10, 10]);
  assert.deepEqual(await offsetsOf({ timestamp: 1_004_500 }), [5, 5], 'the first record at or after');
  assert.deepEqual(await offsetsOf({ timestamp: '1970-01-01T00:16:44.500Z' }), [5, 5]);
  assert.deepEqual(await offsetsOf({ timestamp: 9_000_000 }), [7, 10], 'nothing so late: the end');
  assert.deepEqual(await offsetsOf({ offsets: { clicks: { '0': 3, '1': 9 } } }), [3, 9]);
  assert.deepEqual(await offsetsOf({ group: 'old', fallback: 'earliest' }), [2, 4]);
  assert.deepEqual(await offsetsOf({ group: 'old', fallback: 'latest' }), [7, 4]);
  assert.deepEqual(await offsetsOf('latest', {}, 'found'), [2, 0], 'what is found later begins at its beginning');
});

test('start positions that say nothing about a partition are refused by name', async (t) => {
  const { cluster, options } = await start(t);
  cluster.groups.set('old', new Map([['clicks/1', { offset: 4, leaderEpoch: 0 }]]));
  for (const [start, code] of [
    [{ offsets: { clicks: { '1': 5 } } }, 'KAFKA_OFFSET_MISSING'],
    [{ group: 'old' }, 'KAFKA_GROUP_WITHOUT_OFFSET'],
  ] as const) {
    const { session } = await openKafka(t, { ...options, start });
    const { splits } = await session.discover();
    await assert.rejects(session.startPositions(splits, 'first'), (error: SluiceError) => {
      assert.deepEqual([error.kind, error.code], ['config', code]);
      assert.ok(error.message.includes('clicks/0') && !error.message.includes('clicks/1'));
      return true;
    });
  }
});

test('a question that fails for a moment is asked again', async (t) => {
  const { cluster, options } = await start(t);
  const { session } = await openKafka(t, options);
  let closes = 3;
  cluster.intervene = ({ apiKey }) => (apiKey === METADATA && closes-- > 0 ? 'close' : undefined);
  assert.equal((await session.discover()).splits.length, 2);
});

test('a partition without a leader is asked for again until it has one', async (t) => {
  const { cluster, options } = await start(t);
  const { session } = await openKafka(t, options);
  const { splits } = await session.discover();
  const partition = cluster.partition('clicks', 1);
  partition.elect(-1);
  const positions = session.startPositions(splits, 'first');
  await eventually('it was looked for', () => cluster.calls.filter(({ apiKey }) => apiKey === METADATA).length > 3);
  partition.elect(1);
  assert.equal((await positions).length, 2);
});
