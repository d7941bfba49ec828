import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { CompressionTypes, type Producer } from 'kafkajs';
import { type KafkaOptions, kafka } from '../../connectors/kafka/index.ts';
import type { SluiceError } from '../../core/spi.ts';
import { sourceConformance } from '../../testing/conformance/source.ts';
import { recordsOf } from '../../testing/records.ts';
import { deliver, openKafka, readKafka } from '../connectors/kafka/support/harness.ts';
import { kafkaClient } from '../services/broker.ts';
import { createTopic, deleteTopic, sharedBrokers, skipWithoutKafka, testTopic, withAdmin } from '../services/kafka.ts';
import { waitFor } from '../services/wait.ts';

const skip = skipWithoutKafka;
const kcatMissing = spawnSync('kcat', ['-V']).error ? 'kcat is not installed' : false;

function optionsFor(topic: string, more: Partial<KafkaOptions> = {}): KafkaOptions {
  return { brokers: sharedBrokers().split(','), topics: [topic], publishOffsets: false, ...more };
}

async function producer(t: TestContext, transactionalId?: string): Promise<Producer> {
  const made = kafkaClient(sharedBrokers()).producer({
    ...(transactionalId === undefined ? {} : { transactionalId, maxInFlightRequests: 1, idempotent: true }),
    retry: { retries: 10 },
  });
  await made.connect();
  t.after(() => made.disconnect());
  return made;
}

/** Everything committed, from the beginning to what is there now. */
async function readAll(t: TestContext, topic: string, more: Partial<KafkaOptions> = {}): Promise<(string | null)[]> {
  const { reader } = await readKafka(t, optionsFor(topic, { stop: 'latest', ...more }));
  return (await deliver(reader)).values;
}

const head = (value: string | null) => value?.split('.')[0] as string;

test('overlapping transactions on a real broker: nothing committed is missing and nothing aborted is seen, in any fetch size', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const topic = await testTopic(t, { partitions: 3 });
  const plain = await producer(t);
  const open: { end(commit: boolean): Promise<void>; send(partition: number, values: string[]): Promise<void> }[] = [];
  const committed: string[] = [];
  for (let index = 0; index < 4; index++) {
    const made = await producer(t, `${topic}-${index}`);
    let transaction: Awaited<ReturnType<Producer['transaction']>> | undefined;
    let pending: string[] = [];
    open.push({
      async send(partition, values) {
        transaction ??= await made.transaction();
        await transaction.send({
          topic,
          messages: values.map((value) => ({ partition, value: value.padEnd(300, '.') })),
        });
        pending.push(...values);
      },
      async end(commit) {
        if (transaction === undefined) return;
        await (commit ? transaction.commit() : transaction.abort());
        if (commit) committed.push(...pending);
        transaction = undefined;
        pending = [];
      },
    });
  }
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >>> 12) % below;
  };
  let id = 0;
  for (let step = 0; step < 120; step++) {
    const one = open[random(open.length)] as (typeof open)[0];
    if (random(4) > 0)
      await one.send(
        random(3),
        Array.from({ length: 1 + random(4) }, () => `r${id++}`),
      );
    else await one.end(random(2) === 0);
    if (step % 10 === 0) {
      const value = `p${id++}`;
      committed.push(value);
      await plain.send({ topic, messages: [{ partition: random(3), value: value.padEnd(50, '.') }] });
    }
  }
  for (const one of open) await one.end(random(2) === 0);
  const expected = committed.toSorted();

  for (const maxPartitionBytes of ['2KiB', '20KiB', '1MiB'] as const) {
    // Markers follow the answer to a commit by moments, so the end of the log may still move.
    await waitFor(
      async () => {
        const values = (await readAll(t, topic, { fetch: { maxWait: '50ms', maxPartitionBytes } })).map(head);
        assert.equal(new Set(values).size, values.length, 'nothing twice');
        assert.deepEqual(
          values.filter((value) => !committed.includes(value)),
          [],
          'nothing aborted',
        );
        return (
          values.length === expected.length && values.toSorted().every((value, index) => value === expected[index])
        );
      },
      { what: `all committed records, with ${maxPartitionBytes} per fetch` },
    );
  }
  assert.ok((await readAll(t, topic, { isolation: 'read_uncommitted' })).length > expected.length);
});

test('an aborted transaction larger than a fetch, between plain records, is never seen', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const topic = await testTopic(t);
  const plain = await producer(t);
  const transaction = await (await producer(t, `${topic}-big`)).transaction();
  for (let round = 0; round < 12; round++) {
    await transaction.send({ topic, messages: [{ value: `aborted-${round}`.padEnd(250_000, '.') }] });
    await plain.send({ topic, messages: [{ value: `plain-${round}` }] });
  }
  await transaction.abort();
  const expected = Array.from({ length: 12 }, (_, round) => `plain-${round}`);
  for (const maxPartitionBytes of ['1KiB', '300KiB', '8MiB']) {
    await waitFor(
      async () =>
        (await readAll(t, topic, { fetch: { maxWait: '50ms', maxPartitionBytes } })).join() === expected.join(),
      {
        what: `the plain records alone, with ${maxPartitionBytes} per fetch`,
      },
    );
  }
});

test('an open transaction holds nobody up: a bounded run ends before it', { skip, timeout: 60_000 }, async (t) => {
  const topic = await testTopic(t);
  const plain = await producer(t);
  await plain.send({ topic, messages: [{ value: 'before' }] });
  const transaction = await (await producer(t, `${topic}-open`)).transaction();
  await transaction.send({ topic, messages: [{ value: 'open' }] });
  await plain.send({ topic, messages: [{ value: 'behind' }] });
  assert.deepEqual(await readAll(t, topic), ['before']);
  await transaction.commit();
  await waitFor(async () => (await readAll(t, topic)).join() === 'before,open,behind', {
    what: 'the committed record and what is behind it',
  });
});

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(`records that librdkafka compressed with ${codec} are read`, {
    skip: skip || kcatMissing,
    timeout: 60_000,
  }, async (t) => {
    const topic = await testTopic(t);
    const lines = Array.from({ length: 20_000 }, (_, id) =>
      JSON.stringify({ id, text: 'na na na batman', odd: id * 7919 }),
    );
    execFileSync('kcat', ['-b', sharedBrokers(), '-t', topic, '-p', '0', '-P', '-z', codec], {
      input: `${lines.join('\n')}\n`,
    });
    assert.deepEqual(await readAll(t, topic), lines);
  });
}

test('records larger than every fetch limit are read, from several partitions', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const topic = await testTopic(t, { partitions: 2, configs: { 'max.message.bytes': '6000000' } });
  const plain = await producer(t);
  const sizes = [2_500_000, 10, 1_500_000];
  for (const partition of [0, 1]) {
    for (const size of sizes)
      await plain.send({ topic, messages: [{ partition, value: `${partition}`.padEnd(size, 'x') }] });
  }
  const values = await readAll(t, topic, { fetch: { maxWait: '50ms', maxBytes: '64KiB', maxPartitionBytes: '1KiB' } });
  for (const partition of [0, 1]) {
    const lengths = values.filter((value) => value?.startsWith(String(partition))).map((value) => value?.length);
    assert.deepEqual(lengths, sizes);
  }
});

test('keys, tombstones, empty values, headers with repeats and timestamps arrive as they were sent', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const topic = await testTopic(t);
  await (await producer(t)).send({
    topic,
    compression: CompressionTypes.GZIP,
    messages: [
      { key: 'k', value: null, headers: { h: ['1', '2'], empty: '' } },
      { key: null, value: '' },
      { key: '', value: 'v', timestamp: '1700000000123' },
    ],
  });
  const { reader } = await readKafka(t, optionsFor(topic, { stop: 'latest' }));
  const frame = await waitFor(
    async () => {
      const polled = await reader.poll({ signal: AbortSignal.timeout(5_000) });
      return typeof polled === 'object' ? polled : undefined;
    },
    { what: 'a frame' },
  );
  const records = frame.batches.flatMap((batch) => recordsOf(batch));
  assert.deepEqual(
    records.map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null]),
    [
      ['k', null],
      [null, ''],
      ['', 'v'],
    ],
  );
  assert.deepEqual(
    records[0]?.headers.map(([name, value]) => [name, value?.toString()]),
    [
      ['h', '1'],
      ['h', '2'],
      ['empty', ''],
    ],
  );
  assert.equal(records[2]?.timestampMs, 1_700_000_000_123);
  frame.release();
});

test('start and stop by time, by offset and by group on a real broker', { skip, timeout: 60_000 }, async (t) => {
  const topic = await testTopic(t, { configs: { 'retention.ms': '-1' } });
  const plain = await producer(t);
  for (let index = 0; index < 10; index++) {
    await plain.send({
      topic,
      messages: [{ value: `v${index}`, timestamp: String(1_700_000_000_000 + index * 1000) }],
    });
  }
  const values = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `v${from + index}`);
  const at = (index: number) => 1_700_000_000_000 + index * 1000;
  assert.deepEqual(await readAll(t, topic, { start: { timestamp: at(4) } }), values(4, 10));
  assert.deepEqual(
    await readAll(t, topic, { start: { timestamp: at(4) - 500 }, stop: { timestamp: at(7) } }),
    values(4, 7),
  );
  assert.deepEqual(
    await readAll(t, topic, {
      start: { offsets: { [topic]: { '0': 2 } } },
      stop: { offsets: { [topic]: { '0': 6 } } },
    }),
    values(2, 6),
  );
  assert.deepEqual(await readAll(t, topic, { start: 'latest' }), []);
  const group = `group-of-${topic}`;
  await withAdmin(sharedBrokers(), (admin) =>
    admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '8' }] }),
  );
  assert.deepEqual(await readAll(t, topic, { start: { group } }), values(8, 10));
  assert.deepEqual(await readAll(t, topic, { start: { group: `${group}-none`, fallback: 'earliest' } }), values(0, 10));
});

test('an offset that retention deleted: each policy', { skip, timeout: 60_000 }, async (t) => {
  const topic = await testTopic(t);
  const plain = await producer(t);
  for (let index = 0; index < 10; index++) await plain.send({ topic, messages: [{ value: `v${index}` }] });
  await withAdmin(sharedBrokers(), async (admin) => {
    await admin.fetchTopicOffsets(topic); // kafkajs deletes only from topics it has looked at
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
  });
  const saved = { [`${topic}/0`]: { offset: 3, leaderEpoch: 0 } };
  const failing = await readKafka(t, optionsFor(topic), saved);
  await assert.rejects(deliver(failing.reader), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE']);
    assert.deepEqual(error.details, { split: `${topic}/0`, wanted: 3, earliest: 6, end: 10 });
    return true;
  });
  for (const [onOffsetOutOfRange, expected] of [
    ['earliest', ['v6', 'v7', 'v8', 'v9']],
    ['latest', []],
  ] as const) {
    const { reader } = await readKafka(t, optionsFor(topic, { onOffsetOutOfRange, stop: 'latest' }), saved);
    assert.deepEqual((await deliver(reader)).values, expected);
  }
});

test('a topic that does not exist is named; with waitForTopic it is waited for', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const topic = `late-${process.pid}-${Math.floor(performance.now())}`;
  const failing = await openKafka(t, optionsFor(topic));
  await assert.rejects(failing.session.discover(), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_TOPIC_MISSING']);
    return error.message.includes(topic);
  });
  const waiting = await openKafka(t, optionsFor(topic, { waitForTopic: true }));
  const found = waiting.session.discover();
  await createTopic(sharedBrokers(), { topic });
  t.after(() => deleteTopic(sharedBrokers(), topic));
  assert.deepEqual(
    (await found).splits.map(({ id }) => id),
    [`${topic}/0`],
  );
});

test('a topic made again has another identity, and a reader of the old one stops', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const topic = await testTopic(t);
  const plain = await producer(t);
  await plain.send({ topic, messages: [{ value: 'old' }] });
  const { session, reader, splits } = await readKafka(t, optionsFor(topic));
  await deliver(reader, ({ values }) => values.length === 1);
  await deleteTopic(sharedBrokers(), topic);
  await waitFor(() => createTopic(sharedBrokers(), { topic }).then(() => true), { what: 'the topic made again' });
  await assert.rejects(
    deliver(reader),
    (error: SluiceError) =>
      error.kind === 'dataLoss' && ['KAFKA_TOPIC_RECREATED', 'KAFKA_TOPIC_DELETED'].includes(error.code),
  );
  const again = await session.discover();
  assert.ok(splits[0]?.identity && again.splits[0]?.identity);
  assert.notEqual(again.splits[0].identity, splits[0].identity);
});

test('partitions and topics added while running are found', { skip, timeout: 60_000 }, async (t) => {
  const topic = await testTopic(t);
  const { topics: _, ...rest } = optionsFor(topic);
  const { session } = await openKafka(t, { ...rest, topicPattern: `${topic}(-more)?` });
  const found = async () => (await session.discover()).splits.map(({ id }) => id);
  assert.deepEqual(await found(), [`${topic}/0`]);
  await withAdmin(sharedBrokers(), (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
  await createTopic(sharedBrokers(), { topic: `${topic}-more` });
  t.after(() => deleteTopic(sharedBrokers(), `${topic}-more`));
  await waitFor(
    async () =>
      (await found()).join() ===
      [0, 1, 2]
        .map((index) => `${topic}/${index}`)
        .concat(`${topic}-more/0`)
        .join(),
    {
      what: 'the new partitions and the new topic',
    },
  );
});

test('published offsets are seen by other clients', { skip, timeout: 60_000 }, async (t) => {
  const topic = await testTopic(t);
  const group = `published-${topic}`;
  const { reader } = await readKafka(t, optionsFor(topic, { publishOffsets: true, publishGroup: group }));
  reader.announce?.([{ split: `${topic}/0`, position: { offset: 42, leaderEpoch: 0 } }]);
  await waitFor(
    async () => {
      const [found] = await withAdmin(sharedBrokers(), (admin) =>
        admin.fetchOffsets({ groupId: group, topics: [topic] }),
      );
      return found?.partitions.some(({ offset }) => offset === '42');
    },
    { what: 'the offset in the group' },
  );
});

for (const { name, unsupported, run } of sourceConformance) {
  test(`conformance on a real broker: ${name}`, { skip, timeout: 60_000 }, async (t) => {
    const topic = await testTopic(t, { partitions: 2 });
    const plain = await producer(t);
    const values = new Map<string, string[]>();
    for (const partition of [0, 1]) {
      const sent = Array.from({ length: 40 }, (_, index) => `${partition}-${index}`);
      values.set(`${topic}/${partition}`, sent);
      for (let at = 0; at < sent.length; at += 10) {
        const messages = sent.slice(at, at + 10).map((value) => ({ partition, value }));
        await plain.send({
          topic,
          messages,
          compression: at % 20 === 0 ? CompressionTypes.None : CompressionTypes.GZIP,
        });
      }
    }
    const options = optionsFor(topic, { fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' } });
    const harness = { source: kafka({ ...options, stop: 'latest' }), values, unbounded: kafka(options) };
    const why = unsupported?.(harness);
    if (why === undefined) await run(harness);
    else t.skip(why);
  });
}
