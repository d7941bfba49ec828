import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RegistryClient } from '../../../connectors/schema-registry/client.ts';
import { nodeGet } from '../../../connectors/schema-registry/http.ts';
import { registrySettings } from '../../../connectors/schema-registry/settings.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { type RegistryServerOptions, serveRegistry } from '../../../testing/schema-registry/server.ts';
import { REGISTRY_CERTIFICATE, REGISTRY_KEY } from './support/certificate.ts';

const env = systemEnv();
const TLS = { key: REGISTRY_KEY, cert: REGISTRY_CERTIFICATE };

async function served(t: TestContext, options: RegistryServerOptions = {}) {
  const server = await serveRegistry(options);
  t.after(() => server.close());
  return server;
}

function clientOf(t: TestContext, settings: object) {
  const client = new RegistryClient({ settings: registrySettings.parse(settings), env });
  t.after(() => client[Symbol.asyncDispose]());
  return client;
}

const failed = (kind: string, code: string, message: RegExp) => (error: unknown) => {
  const found = error as { kind: string; code: string; message: string };
  assert.deepEqual([found.kind, found.code], [kind, code]);
  assert.match(found.message, message);
  return true;
};

test('schemas and references are read of a server below a path, as user and password', async (t) => {
  const authorization = `Basic ${Buffer.from('key:secret').toString('base64')}`;
  const server = await served(t, { authorization, prefix: '/apis/ccompat/v7' });
  server.model.register({ subject: '../money', schema: '"string"' });
  server.model.register({ subject: 'a', schema: '"M"', references: [{ name: 'M', subject: '../money', version: 1 }] });
  const auth = { type: 'basic', username: 'key', password: 'secret' };

  const schema = await clientOf(t, { urls: [`${server.url}/`], auth }).schema(2);

  assert.deepEqual([schema.schema, schema.references[0]?.schema], ['"M"', '"string"']);
  assert.deepEqual(server.asked, ['/schemas/ids/2', '/subjects/..%2Fmoney/versions/1']);
});

test('a wrong token is a mistake of the settings, and is not shown', async (t) => {
  const server = await served(t, { authorization: 'Bearer right' });
  const client = clientOf(t, { urls: [server.url], auth: { type: 'bearer', token: 'wrong-one' } });

  await assert.rejects(client.schema(1), failed('config', 'REGISTRY_DENIED', /HTTP 401, Unauthorized: Bearer \*\*\*$/));
});

test('a token with a line break is a mistake of the settings, and is not shown', async (t) => {
  const client = clientOf(t, { urls: ['http://127.0.0.1:1'], auth: { type: 'bearer', token: 'two\nlines' } });

  await assert.rejects(client.schema(1), failed('config', 'REGISTRY_AUTH', /: a secret that HTTP cannot carry$/));
});

test('cut connections, errors and answers that never come are asked for again', async (t) => {
  const faults = [
    { kind: 'resetBefore' },
    { kind: 'answer', status: 500, text: 'oops' },
    { kind: 'lostResponse' },
    { kind: 'slow', ms: 60_000 },
  ] as const;
  let count = 0;
  const server = await served(t, { faultOf: () => faults[count++] });
  server.model.register({ subject: 'a', schema: '"string"' });

  // As if there were several servers, between which there is no pause.
  const urls = Array(faults.length + 1).fill(server.url);
  const schema = await clientOf(t, { urls, timeout: '100ms' }).schema(1);

  assert.equal(schema.id, 1);
  assert.equal(server.asked.length, 5);
});

test('a slow answer that is in time is an answer', async (t) => {
  const server = await served(t, { faultOf: () => ({ kind: 'slow', ms: 20 }) });
  server.model.register({ subject: 'a', schema: '"string"' });

  assert.equal((await clientOf(t, { urls: [server.url] }).schema(1)).id, 1);
  assert.equal(server.asked.length, 1);
});

test('a server of two is enough', async (t) => {
  const server = await served(t);
  const away = await serveRegistry();
  await away.close();
  server.model.register({ subject: 'a', schema: '"string"' });

  assert.equal((await clientOf(t, { urls: [away.url, server.url] }).schema(1)).id, 1);
});

test('HTTPS is trusted by the authority that is given, and by no other', async (t) => {
  const server = await served(t, { tls: TLS });
  server.model.register({ subject: 'a', schema: '"string"' });

  assert.equal((await clientOf(t, { urls: [server.url], ca: REGISTRY_CERTIFICATE }).schema(1)).id, 1);
  await assert.rejects(
    clientOf(t, { urls: [server.url] }).schema(1),
    failed('config', 'REGISTRY_CERTIFICATE', /self-signed certificate/),
  );
});

test('an answer without an end is broken off', async (t) => {
  const text = 'x'.repeat(8 * 1024 * 1024 + 1);
  const server = await served(t, { faultOf: () => ({ kind: 'answer', status: 200, text }) });
  const get = nodeGet({ timers: env.timers, timeoutMs: 10_000 });

  await assert.rejects(
    get(`${server.url}/x`, { headers: {}, signal: new AbortController().signal }),
    /an answer of more than 8388608 bytes/,
  );
});

test('a request that is called off ends with its reason', async (t) => {
  const stop = new AbortController();
  const server = await served(t, {
    faultOf: () => {
      stop.abort(new Error('stopping'));
      return { kind: 'lostResponse' };
    },
  });
  const get = nodeGet({ timers: env.timers, timeoutMs: 10_000 });
  const ask = () => get(`${server.url}/x`, { headers: {}, signal: stop.signal });

  await assert.rejects(ask(), /stopping/);
  await assert.rejects(ask(), /stopping/);
  assert.equal(server.asked.length, 1);
});
