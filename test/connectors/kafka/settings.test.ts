import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafka } from '../../../connectors/kafka/index.ts';
import { kafkaSourceSettings, topicMatcher } from '../../../connectors/kafka/settings.ts';
import { registry as connectors } from '../../../connectors/registry.ts';
import { parsePipelineFile } from '../../../core/config/parse.ts';

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

test('values have a registry exactly where they are Avro', () => {
  const registry = { urls: ['https://registry:8081'] };
  const issueOf = (value: object) => {
    const settings = { type: 'kafka', brokers: ['k:9092'], topics: ['clicks'], value };
    return kafkaSourceSettings.safeParse(settings).error?.issues.map(({ path, message }) => [path.join('.'), message]);
  };

  assert.equal(issueOf({ format: 'avro', registry }), undefined);
  assert.deepEqual(issueOf({ format: 'avro' }), [
    ['value.registry', 'format avro needs a registry, for example {urls: [http://registry:8081]}'],
  ]);
  for (const format of ['jsonSchema', 'json', 'string', 'bytes']) {
    assert.equal(issueOf({ format }), undefined);
    assert.deepEqual(issueOf({ format, registry }), [
      ['value.registry', `format ${format} has no registry; it belongs to avro`],
    ]);
  }
  assert.equal(issueOf({ format: 'protobuf' })?.[0]?.[0], 'value.format');
  assert.equal(issueOf({ registry })?.[0]?.[0], 'value.format');
});

test('what proves who asks the registry is a secret in the file, too', async () => {
  const file = `name: clicks
source:
  type: kafka
  brokers: ["kafka:9092"]
  topics: [clicks]
  value:
    format: avro
    registry: { urls: ["https://registry"], auth: { type: basic, username: key, password: opensesame } }
sink: { type: file, path: ./out }
`;
  const parsed = await parsePipelineFile(file, {
    ...{ file: 'p.yaml', baseDir: '/', env: {}, readFile: () => '' },
    registry: connectors,
  });

  assert.equal(parsed.redactText('at opensesame'), 'at [hidden]');
  assert.match(JSON.stringify(parsed.redacted), /"password":"\[hidden\]"/);
});
