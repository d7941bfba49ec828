import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafka } from '../../../connectors/kafka/index.ts';
import { kafkaSourceSettings, topicMatcher } from '../../../connectors/kafka/settings.ts';

const minimal = { type: 'kafka', brokers: ['127.0.0.1:9092'], topics: ['clicks'] };
const refused = (changes: Record<string, unknown>) =>
  kafkaSourceSettings.safeParse({ ...minimal, ...changes }).success === false;

test('the defaults are the promised ones', () => {
  const settings = kafkaSourceSettings.parse(minimal);
  assert.deepEqual(settings, {
    ...minimal,
    clientId: 'sluice',
    start: 'earliest',
    isolation: 'read_committed',
    fetch: { maxBytes: 4 << 20, maxPartitionBytes: 1 << 20, maxWait: 500 },
    discovery: 60_000,
    waitForTopic: false,
    onOffsetOutOfRange: 'fail',
    onDeletedTopic: 'fail',
    publishOffsets: true,
    maxDecompressedBytes: 256 << 20,
  });
});

test('what cannot be meant is refused', () => {
  for (const changes of [
    { topics: [] },
    { topics: undefined },
    { topicPattern: 'c.*' },
    { topics: ['with space'] },
    { topics: undefined, topicPattern: '(' },
    { brokers: [] },
    { brokers: ['localhost'] },
    { brokers: ['http://localhost:9092'] },
    { brokers: ['::1:9092'] },
    { start: 'begin' },
    { start: { timestamp: 'yesterday' } },
    { start: { offsets: { clicks: { first: 0 } } } },
    { start: { offsets: { clicks: { '0': -1 } } } },
    { stop: 'earliest' },
    { sasl: { mechanism: 'plain', username: 'ann' } },
    { sasl: { mechanism: 'oauthbearer' } },
    { sasl: { mechanism: 'gssapi', username: 'a', password: 'b' } },
    { ssl: { certificate: 'x' } },
    { fetch: { maxbytes: '1MiB' } },
    { isolation: 'committed' },
    { discovery: 60 },
    { topic: 'clicks' },
  ]) {
    assert.ok(refused(changes), JSON.stringify(changes));
  }
});

test('what is documented is accepted', () => {
  for (const changes of [
    { topics: undefined, topicPattern: 'clicks-[a-z]+' },
    { brokers: ['[::1]:9092', 'kafka-1.example.com:9093'] },
    { start: 'latest', stop: 'latest' },
    { start: { timestamp: '2026-01-31T12:00:00Z' }, stop: { timestamp: 1_770_000_000_000 } },
    { start: { timestamp: '2026-01-31T12:00:00+01:00' } },
    { start: { offsets: { clicks: { '0': 17, '12': 0 } } }, stop: { offsets: { clicks: { '0': 20 } } } },
    { start: { group: 'old-consumer', fallback: 'earliest' } },
    { ssl: true },
    { ssl: { ca: './ca.pem', cert: 'c', key: 'k', passphrase: 'p', servername: 'kafka', rejectUnauthorized: false } },
    { sasl: { mechanism: 'scram-sha-512', username: 'ann', password: 'secret' } },
    { sasl: { mechanism: 'oauthbearer', tokenCommand: ['./token.sh', '--fresh'] } },
    { sasl: { mechanism: 'oauthbearer', token: async () => 'abc' } },
  ]) {
    assert.ok(!refused(changes), JSON.stringify(changes));
  }
});

test('a pattern must match the whole name', () => {
  const matcher = topicMatcher('a|b+');
  assert.deepEqual(
    ['a', 'bb', 'ab', 'xa', 'bbx'].filter((topic) => matcher.test(topic)),
    ['a', 'bb'],
  );
});

test('a source with a stop is bounded and looks for no new partitions', () => {
  const options = { brokers: ['127.0.0.1:9092'], topics: ['clicks'] };
  const { bounded, discoverIntervalMs } = kafka(options);
  assert.deepEqual([bounded, discoverIntervalMs], [false, 60_000]);
  const once = kafka({ ...options, stop: 'latest' });
  assert.deepEqual([once.bounded, once.discoverIntervalMs], [true, undefined]);
});
