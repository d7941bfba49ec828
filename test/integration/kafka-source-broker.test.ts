import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Producer } from 'kafkajs';
import type { KafkaOptions } from '../../connectors/kafka/index.ts';
import type { SluiceError } from '../../core/spi.ts';
import { deliver, eventually, openKafka, readKafka } from '../connectors/kafka/support/harness.ts';
import { kafkaClient } from '../services/broker.ts';
import { createTopic, testBroker } from '../services/kafka.ts';
import { waitFor } from '../services/wait.ts';

const PASSWORD = 'test-password';

/** A key and a certificate for 127.0.0.1 that nobody else trusts. */
function makeCertificate(t: TestContext): { keystore: string; ca: string } {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const keystore = join(dir, 'broker.p12');
  const ca = join(dir, 'ca.pem');
  const common = ['-keystore', keystore, '-storepass', PASSWORD, '-alias', 'broker'];
  const key = ['-keyalg', 'RSA', '-dname', 'CN=localhost', '-ext', 'san=ip:127.0.0.1', '-validity', '10'];
  execFileSync('keytool', ['-genkeypair', '-storetype', 'PKCS12', ...common, ...key], { stdio: 'ignore' });
  execFileSync('keytool', ['-exportcert', '-rfc', '-file', ca, ...common], { stdio: 'ignore' });
  return { keystore, ca };
}

/** A token that a broker without an identity provider takes: `{"alg":"none"}`. */
function unsecuredToken(user: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nowS = Math.floor(Date.now() / 1000);
  return `${part({ alg: 'none' })}.${part({ sub: user, iat: nowS, exp: nowS + 600 })}.`;
}

async function connectedProducer(t: TestContext, brokers: string, transactionalId?: string): Promise<Producer> {
  const transactional =
    transactionalId === undefined ? {} : { transactionalId, maxInFlightRequests: 1, idempotent: true };
  const producer = kafkaClient(brokers).producer(transactional);
  await producer.connect();
  t.after(() => producer.disconnect());
  return producer;
}

test('TLS, SASL and permissions on a real broker', { timeout: 180_000 }, async (t) => {
  const { keystore, ca } = makeCertificate(t);
  const jaas = 'org.apache.kafka.common.security';
  const properties: Record<string, string> = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:ann',
  };
  for (const listener of ['tls', 'sasl', 'sasltls']) {
    const prefix = `listener.name.${listener}`;
    properties[`${prefix}.ssl.keystore.location`] = keystore;
    properties[`${prefix}.ssl.keystore.type`] = 'PKCS12';
    properties[`${prefix}.ssl.keystore.password`] = PASSWORD;
    properties[`${prefix}.plain.sasl.jaas.config`] =
      `${jaas}.plain.PlainLoginModule required user_ann="${PASSWORD}" user_bob="${PASSWORD}";`;
    properties[`${prefix}.scram-sha-256.sasl.jaas.config`] = `${jaas}.scram.ScramLoginModule required;`;
    properties[`${prefix}.scram-sha-512.sasl.jaas.config`] = `${jaas}.scram.ScramLoginModule required;`;
    properties[`${prefix}.oauthbearer.sasl.jaas.config`] =
      `${jaas}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="ann";`;
  }
  const broker = await testBroker(t, {
    listeners: { TLS: 'SSL', SASL: 'SASL_PLAINTEXT', SASLTLS: 'SASL_SSL' },
    properties,
    formatArgs: ['256', '512'].flatMap((bits) => ['--add-scram', `SCRAM-SHA-${bits}=[name=ann,password=${PASSWORD}]`]),
  });
  if (broker === undefined) return;
  await createTopic(broker.brokers, { topic: 'clicks' });
  const producer = await connectedProducer(t, broker.brokers);
  await producer.send({ topic: 'clicks', messages: [{ value: 'one' }, { value: 'two' }] });

  const options = (listener: string, more: Partial<KafkaOptions>): KafkaOptions => ({
    brokers: [broker.listeners[listener] as string],
    topics: ['clicks'],
    stop: 'latest',
    publishOffsets: false,
    ...more,
  });
  const ann = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512') => ({
    mechanism,
    username: 'ann',
    password: PASSWORD,
  });

  const ways: [name: string, options: KafkaOptions][] = [
    ['TLS', options('TLS', { ssl: { ca } })],
    ['SASL PLAIN', options('SASL', { sasl: ann('plain') })],
    ['SASL SCRAM-SHA-256', options('SASL', { sasl: ann('scram-sha-256') })],
    ['SASL SCRAM-SHA-512 over TLS', options('SASLTLS', { ssl: { ca }, sasl: ann('scram-sha-512') })],
    [
      'SASL OAUTHBEARER by function',
      options('SASL', { sasl: { mechanism: 'oauthbearer', token: async () => unsecuredToken('ann') } }),
    ],
    [
      'SASL OAUTHBEARER by command',
      options('SASL', { sasl: { mechanism: 'oauthbearer', tokenCommand: ['echo', unsecuredToken('ann')] } }),
    ],
  ];
  for (const [name, way] of ways) {
    await t.test(`records are read over ${name}`, async (t) => {
      const { reader } = await readKafka(t, way);
      assert.deepEqual((await deliver(reader)).values, ['one', 'two']);
    });
  }

  const refusals: [name: string, options: KafkaOptions, kind: string, code: string, help: RegExp][] = [
    [
      'a wrong password',
      options('SASL', { sasl: { ...ann('plain'), password: 'wrong' } }),
      'config',
      'KAFKA_AUTHENTICATION_FAILED',
      /source\.sasl/,
    ],
    [
      'a wrong SCRAM password',
      options('SASL', { sasl: { ...ann('scram-sha-256'), password: 'wrong' } }),
      'config',
      'KAFKA_AUTHENTICATION_FAILED',
      /source\.sasl/,
    ],
    ['a certificate nobody vouches for', options('TLS', { ssl: true }), 'config', 'KAFKA_CERTIFICATE', /ssl\.ca/],
    ['a plain client on the TLS listener', options('TLS', {}), 'unavailable', 'KAFKA_UNREACHABLE', /ssl: true/],
    [
      'a client without SASL on the SASL listener',
      options('SASL', {}),
      'unavailable',
      'KAFKA_UNREACHABLE',
      /source\.sasl/,
    ],
    [
      'a TLS client on the plain listener',
      options('PLAINTEXT', { ssl: true }),
      'unavailable',
      'KAFKA_UNREACHABLE',
      /remove source\.ssl/,
    ],
  ];
  for (const [name, way, kind, code, help] of refusals) {
    await t.test(`${name} gets a clear error within 10 s`, async (t) => {
      const startedAt = performance.now();
      await assert.rejects(openKafka(t, way), (error: SluiceError) => {
        assert.deepEqual([error.kind, error.code], [kind, code], error.message);
        assert.match(error.help ?? '', help);
        return true;
      });
      assert.ok(performance.now() - startedAt < 10_000);
    });
  }

  await t.test('a user without permissions is told which one is missing', async (t) => {
    const { session } = await openKafka(t, options('SASL', { sasl: { ...ann('plain'), username: 'bob' } }));
    await assert.rejects(session.discover(), (error: SluiceError) => {
      assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_NOT_AUTHORIZED']);
      assert.match(error.message, /Describe on topic clicks/);
      return true;
    });
  });
});

test('batches emptied by compaction move the position, and nothing waits for records that are gone', {
  timeout: 120_000,
}, async (t) => {
  const broker = await testBroker(t, { properties: { 'log.cleaner.backoff.ms': '100' } });
  if (broker === undefined) return;
  const topic = 'compacted';
  const configs = {
    'cleanup.policy': 'compact',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.001',
    'delete.retention.ms': '0',
    'min.compaction.lag.ms': '0',
    'max.compaction.lag.ms': '100',
  };
  await createTopic(broker.brokers, { topic, configs });
  const transaction = await (await connectedProducer(t, broker.brokers, 'compacted')).transaction();
  await transaction.send({
    topic,
    messages: [
      { key: 'dead', value: '1' },
      { key: 'dead', value: '2' },
    ],
  });
  await transaction.commit();
  const plain = await connectedProducer(t, broker.brokers);
  const options: KafkaOptions = { brokers: [broker.brokers], topics: [topic], publishOffsets: false, stop: 'latest' };
  let round = 0;
  const values = await waitFor(
    async () => {
      await plain.send({
        topic,
        messages: [
          { key: 'dead', value: `late-${round}` },
          { key: 'k', value: `v${round}` },
        ],
      });
      round++;
      const { reader } = await readKafka(t, options);
      const { values, ended, positions } = await deliver(reader);
      assert.ok(ended);
      assert.ok((positions.get(`${topic}/0`)?.offset as number) >= 3);
      return values.includes('1') || values.length >= 2 * round ? undefined : values;
    },
    { what: 'the first records compacted away', timeoutMs: 60_000, everyMs: 150 },
  );
  assert.ok(values.includes(`v${round - 1}`));
});

test('a broker that is killed, started again and paused is read on without loss or repeat, across leader epochs', {
  timeout: 180_000,
}, async (t) => {
  const broker = await testBroker(t);
  if (broker === undefined) return;
  await createTopic(broker.brokers, { topic: 'clicks', partitions: 2 });
  const producer = await connectedProducer(t, broker.brokers);
  let sent = 0;
  const send = async (count: number) => {
    const messages = Array.from({ length: count }, (_, index) => ({
      partition: (sent + index) % 2,
      value: String(sent + index),
    }));
    await waitFor(() => producer.send({ topic: 'clicks', messages }).then(() => true), { what: 'records written' });
    sent += count;
  };
  const options: KafkaOptions = { brokers: [broker.brokers], topics: ['clicks'], publishOffsets: false };
  const { reader, logs } = await readKafka(t, options);
  const seen: (string | null)[] = [];
  let epoch = -1;
  const readUpTo = async () => {
    const { values, positions } = await deliver(reader, ({ values }) => seen.length + values.length >= sent);
    seen.push(...values);
    epoch = Math.max(epoch, ...[...positions.values()].map(({ leaderEpoch }) => leaderEpoch));
  };
  await send(100);
  await readUpTo();
  const epochBefore = epoch;

  await broker.kill();
  await eventually('the loss is told', () =>
    logs.some((line) => line.startsWith('warn: Kafka: fetching from broker 1 failed')),
  );
  await broker.restart();
  await send(100);
  await readUpTo();
  assert.ok(epoch > epochBefore, 'the leader epoch is a new one');

  // Half-open: the connection stays, nobody answers. Longer than the time after which a silent connection is dropped.
  broker.pause();
  await waitFor(() => logs.some((line) => line.includes('no answer to Fetch')), { what: 'the silence is noticed' });
  broker.resume();
  await send(100);
  await readUpTo();

  assert.deepEqual(
    seen.map(Number).toSorted((a, b) => a - b),
    Array.from({ length: 300 }, (_, index) => index),
  );
});
