import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { selfTest } from '../../../connectors/kafka/kafkajs.ts';
import type { SaslCredentials } from '../../../connectors/kafka/link.ts';
import { metadataApiFor } from '../../../connectors/kafka/metadata-request.ts';
import { Transport, type TransportOptions } from '../../../connectors/kafka/transport.ts';
import { WireWriter } from '../../../connectors/kafka/wire.ts';
import type { SluiceError } from '../../../core/spi.ts';
import { API_VERSIONS, METADATA } from '../../../testing/kafka/cluster-state.ts';
import { FakeCluster } from './support/fake-broker.ts';
import { eventually, recordingEnv } from './support/harness.ts';

const metadata = metadataApiFor({ min: 0, max: 13 });
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;

function transportFor(t: TestContext, options: Partial<TransportOptions> = {}): Transport {
  const { env } = recordingEnv();
  const transport = new Transport({
    env,
    clientId: 'test',
    tls: undefined,
    sasl: undefined,
    requestTimeoutMs: 300,
    ...options,
  });
  t.after(() => transport.close());
  return transport;
}

function addressOf(cluster: FakeCluster): { host: string; port: number } {
  const [host, port] = (cluster.brokers[0] as string).split(':');
  return { host: host as string, port: Number(port) };
}

/** Any TCP server; ends with the test. */
async function rawServer(
  t: TestContext,
  onConnection: (socket: Socket) => void,
): Promise<{ host: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const ask = (transport: Transport, address: { host: string; port: number }) =>
  transport.call(address, metadata, { topics: [] }, { lane: 'control' });

test('the kafkajs that is installed is the one whose insides are known', () => {
  selfTest();
});

test('many first requests at once share one connection', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t);
  await Promise.all([1, 2, 3, 4].map(() => ask(transport, addressOf(cluster))));
  assert.deepEqual(new Set(cluster.calls.map(({ connection }) => connection)), new Set([1]));
});

test('long polls have a connection of their own, so they hold up nobody', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t);
  await transport.call(addressOf(cluster), metadata, { topics: [] }, { lane: 'control' });
  await transport.call(addressOf(cluster), metadata, { topics: [] }, { lane: 'fetch' });
  const connections = cluster.calls.filter(({ apiKey }) => apiKey === METADATA).map(({ connection }) => connection);
  assert.deepEqual(connections, [1, 2]);
});

test('a connection that stays silent is dropped with all its requests, and the next request opens a new one', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t);
  await ask(transport, addressOf(cluster));
  cluster.intervene = () => 'ignore';
  const waiting = [ask(transport, addressOf(cluster)), ask(transport, addressOf(cluster))];
  for (const one of await Promise.allSettled(waiting)) {
    assert.equal(one.status, 'rejected');
    assert.equal((one.reason as SluiceError).kind, 'unavailable');
  }
  cluster.intervene = () => undefined;
  await ask(transport, addressOf(cluster));
  assert.equal(cluster.calls.at(-1)?.connection, 2);
});

test('an answer that comes slowly is not silence', async (t) => {
  const cluster = await FakeCluster.start(t);
  const { port } = addressOf(cluster);
  // Passes on what the broker says one byte after the other.
  const slow = await rawServer(t, async (socket) => {
    const { connect } = await import('node:net');
    const upstream = connect(port, '127.0.0.1');
    socket.pipe(upstream);
    for await (const chunk of upstream) {
      for (const byte of chunk as Buffer) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  });
  const transport = transportFor(t, { requestTimeoutMs: 300 });
  const startedAt = performance.now();
  await ask(transport, slow);
  assert.ok(performance.now() - startedAt > 600, 'longer than the timeout');
});

test('requests in flight fail at once when the connection is lost', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t, { requestTimeoutMs: 10_000 });
  await ask(transport, addressOf(cluster));
  cluster.intervene = () => 'close';
  await assert.rejects(ask(transport, addressOf(cluster)), (error: SluiceError) => error.kind === 'unavailable');
});

test('closing ends a request in flight at once, and nothing can be asked afterwards', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t, { requestTimeoutMs: 10_000 });
  await ask(transport, addressOf(cluster));
  cluster.intervene = () => 'ignore';
  const waiting = ask(transport, addressOf(cluster));
  const rejected = assert.rejects(waiting, (error: SluiceError) => error.code === 'KAFKA_CLOSED');
  await eventually('the request is on its way', () => cluster.calls.length === 3);
  transport.close();
  await rejected;
  await assert.rejects(ask(transport, addressOf(cluster)), (error: SluiceError) => error.code === 'KAFKA_CLOSED');
});

test('an open connection without requests runs no timers', async (t) => {
  const cluster = await FakeCluster.start(t);
  const transport = transportFor(t);
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  await ask(transport, addressOf(cluster));
  await ask(transport, addressOf(cluster));
  assert.equal(timers(), before);
});

test('large answers come whole, in whatever pieces they arrive, and their buffers are used again', async (t) => {
  const cluster = await FakeCluster.start(t);
  for (let index = 0; index < 3_000; index++) cluster.topic(`topic-${index}-${'x'.repeat(100)}`);
  const transport = transportFor(t);
  const buffers = new Set<ArrayBufferLike>();
  for (let round = 0; round < 3; round++) {
    const reply = await transport.callRaw(addressOf(cluster), metadata, { topics: null }, { lane: 'control' });
    buffers.add(reply.reader.bytes.buffer);
    assert.equal(metadata.decode(reply.reader).topics.length, 3_000);
    assert.equal(reply.reader.left, 1, 'only the empty tags at the end');
    reply.release();
    reply.release(); // twice is the same as once: the buffer must not be handed out twice
  }
  assert.equal(buffers.size, 1);
  const bytes = (await transport.callRaw(addressOf(cluster), metadata, { topics: null }, { lane: 'control' })).reader
    .bytes.length;
  assert.notEqual(transport.frames.take(bytes).buffer, transport.frames.take(bytes).buffer);
});

test('an answer that ends too early is malformed, and says whose answer to what', async (t) => {
  const cluster = await FakeCluster.start(t);
  cluster.intervene = ({ apiKey }) => (apiKey === METADATA ? Buffer.from([0, 0, 0, 0, 5]) : undefined);
  const transport = transportFor(t);
  await assert.rejects(ask(transport, addressOf(cluster)), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['rejected', 'KAFKA_RESPONSE_MALFORMED']);
    assert.ok(error.message.includes(`${cluster.brokers[0]} to Metadata`));
    return true;
  });
});

test('a broker that does not know the newest ApiVersions is asked in the oldest', async (t) => {
  const cluster = await FakeCluster.start(t);
  cluster.intervene = ({ apiKey, apiVersion }) =>
    apiKey === API_VERSIONS && apiVersion > 0
      ? new WireWriter()
          .i16(35)
          .array([], () => {})
          .done()
      : undefined;
  await ask(transportFor(t), addressOf(cluster));
  assert.deepEqual(cluster.calls.map(({ apiKey, apiVersion }) => [apiKey, apiVersion]).slice(0, 2), [
    [18, 3],
    [18, 0],
  ]);
});

test('a broker that lacks a needed version is refused by name of the request', async (t) => {
  const cluster = await FakeCluster.start(t);
  cluster.ranges[1] = [0, 10];
  await assert.rejects(ask(transportFor(t), addressOf(cluster)), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_BROKER_VERSION']);
    assert.match(error.message, /Fetch from v0 to v10, but v11/);
    return true;
  });
});

for (const [what, bytes, hint] of [
  ['a TLS listener', Buffer.from('15030300020250', 'hex'), /It speaks TLS: set source.ssl: true/],
  ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /not a Kafka listener/],
] as const) {
  test(`${what} that answers is recognised by its first bytes`, async (t) => {
    const address = await rawServer(t, (socket) => socket.once('data', () => socket.write(bytes)));
    await assert.rejects(ask(transportFor(t), address), (error: SluiceError) => {
      assert.equal(error.kind, 'unavailable');
      assert.match(error.help ?? '', hint);
      return true;
    });
  });
}

test('a listener that closes before its first answer: try TLS', async (t) => {
  const address = await rawServer(t, (socket) => socket.once('data', () => socket.end()));
  await assert.rejects(ask(transportFor(t), address), (error: SluiceError) => {
    assert.equal(error.kind, 'unavailable');
    assert.match(error.help ?? '', /try source.ssl: true/);
    return true;
  });
});

test('a listener that answers ApiVersions and closes on the next request: set SASL', async (t) => {
  const cluster = await FakeCluster.start(t);
  cluster.intervene = ({ apiKey }) => (apiKey === METADATA ? 'close' : undefined);
  await assert.rejects(ask(transportFor(t), addressOf(cluster)), (error: SluiceError) => {
    assert.equal(error.kind, 'unavailable');
    assert.match(error.help ?? '', /source.sasl/);
    return true;
  });
});

test('TLS to a plain listener says so', async (t) => {
  const address = await rawServer(t, (socket) => socket.once('data', () => socket.write('what?')));
  await assert.rejects(ask(transportFor(t, { tls: {} }), address), (error: SluiceError) => {
    assert.equal(error.kind, 'unavailable');
    assert.match(error.help ?? '', /remove source.ssl/);
    return true;
  });
});

test('a port where nobody listens and a name that does not resolve are unavailable', async (t) => {
  const transport = transportFor(t);
  const cluster = await FakeCluster.start(t);
  const address = addressOf(cluster);
  await cluster.stopNode(1);
  await assert.rejects(ask(transport, address), (error: SluiceError) => error.kind === 'unavailable');
  await assert.rejects(ask(transport, { host: 'no-such-host.invalid', port: 9092 }), (error: SluiceError) => {
    assert.equal(error.kind, 'unavailable');
    assert.match(error.help ?? '', /does not resolve/);
    return true;
  });
});

interface SaslPlan {
  errorCode?: number;
  sessionMs?: number;
  close?: boolean;
}

/** A fake that wants SASL PLAIN and does with each attempt what the plan says; the last entry counts for all later ones. */
async function saslCluster(
  t: TestContext,
  plan: SaslPlan[],
): Promise<{ cluster: FakeCluster; attempts: () => number }> {
  const cluster = await FakeCluster.start(t);
  cluster.ranges[SASL_HANDSHAKE] = [0, 1];
  cluster.ranges[SASL_AUTHENTICATE] = [0, 1];
  let attempts = 0;
  cluster.intervene = ({ apiKey }) => {
    if (apiKey === SASL_HANDSHAKE) {
      const mechanisms = ['PLAIN', 'OAUTHBEARER'];
      const writer = new WireWriter().i16(0);
      return writer.array(mechanisms, (one) => writer.string(one)).done();
    }
    if (apiKey !== SASL_AUTHENTICATE) return undefined;
    const { errorCode = 0, sessionMs = 0, close = false } = plan[Math.min(attempts++, plan.length - 1)] as SaslPlan;
    if (close) return 'close';
    return new WireWriter()
      .i16(errorCode)
      .string(errorCode === 0 ? null : 'refused')
      .i32(0)
      .i64(sessionMs)
      .done();
  };
  return { cluster, attempts: () => attempts };
}

async function restartNode(cluster: FakeCluster): Promise<void> {
  await cluster.startNode(1, await cluster.stopNode(1));
}

const ann: SaslCredentials = { mechanism: 'plain', username: 'ann', password: 'secret' };

test('credentials that are refused are a matter of configuration; a connection lost meanwhile is not', async (t) => {
  const refused = await saslCluster(t, [{ errorCode: 58 }]);
  await assert.rejects(ask(transportFor(t, { sasl: ann }), addressOf(refused.cluster)), (error: SluiceError) => {
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_AUTHENTICATION_FAILED']);
    assert.ok(!JSON.stringify([error.message, error.details]).includes('secret'));
    return true;
  });
  const lost = await saslCluster(t, [{ close: true }]);
  await assert.rejects(
    ask(transportFor(t, { sasl: ann }), addressOf(lost.cluster)),
    (error: SluiceError) => error.kind === 'unavailable',
  );
});

test('credentials that worked before and are refused later are retried: the broker may not have loaded its users yet', async (t) => {
  const { cluster } = await saslCluster(t, [{}, { errorCode: 58 }, {}]);
  const transport = transportFor(t, { sasl: ann });
  await ask(transport, addressOf(cluster));
  await restartNode(cluster);
  const failures: string[] = [];
  await eventually('the broker takes the credentials again', async () => {
    try {
      await ask(transport, addressOf(cluster));
      return true;
    } catch (error) {
      const { kind, code } = error as SluiceError;
      failures.push(`${kind} ${code}`);
      return false;
    }
  });
  assert.ok(failures.includes('unavailable KAFKA_AUTHENTICATION_FAILED'), String(failures));
});

test('a mechanism that the broker does not offer is a matter of configuration', async (t) => {
  const { cluster } = await saslCluster(t, [{}]);
  const sasl: SaslCredentials = { ...ann, mechanism: 'scram-sha-256' } as SaslCredentials;
  await assert.rejects(
    ask(transportFor(t, { sasl }), addressOf(cluster)),
    (error: SluiceError) => error.kind === 'config',
  );
});

test('a SASL session is renewed before it ends, on the same connection', async (t) => {
  // Shorter than the 10 s before the end at which it is renewed: so before every request.
  const { cluster, attempts } = await saslCluster(t, [{ sessionMs: 9_000 }]);
  const transport = transportFor(t, { sasl: ann });
  await ask(transport, addressOf(cluster));
  const before = attempts();
  await ask(transport, addressOf(cluster));
  assert.ok(attempts() > before);
  assert.equal(cluster.calls.at(-1)?.connection, 1);
});

test('an OAUTHBEARER token is asked for at every authentication', async (t) => {
  const { cluster } = await saslCluster(t, [{}]);
  let tokens = 0;
  const sasl: SaslCredentials = {
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => ({ value: `token-${++tokens}` }),
  };
  const transport = transportFor(t, { sasl });
  await ask(transport, addressOf(cluster));
  await restartNode(cluster);
  await eventually('the broker answers again', () =>
    ask(transport, addressOf(cluster)).then(
      () => true,
      () => false,
    ),
  );
  assert.equal(tokens, 2);
});
