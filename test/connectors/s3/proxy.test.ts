import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, setDefaultCACertificates } from 'node:tls';
import { type Environment, proxyEnvOf, proxyFor } from '../../../connectors/s3/proxy.ts';
import { SdkApi } from '../../../connectors/s3/sdk-api.ts';
import { S3Sink } from '../../../connectors/s3/sink.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import type { SluiceError } from '../../../core/spi.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import { STORE_CERTIFICATE, STORE_KEY } from './support/certificate.ts';
import { ForwardProxy, type ForwardProxyOptions } from './support/forward-proxy.ts';
import { BUCKET, newModel, type SinkInput, settingsOf } from './support/scene.ts';

const NAME = 'http://store.example:9000';
const TLS_NAME = 'https://store.example';
const place = { bucket: BUCKET, key: 'raw/a b/ü?#%.ndjson' };
const context = { env: systemEnv(), signal: new AbortController().signal };

/** A store that only the proxy finds, and the proxy. */
async function behindProxy(t: TestContext, options: Omit<ForwardProxyOptions, 'port'> = {}) {
  const model = newModel();
  const server = await serveS3({ model });
  t.after(() => server.close());
  const proxy = await ForwardProxy.start(t, { port: Number(new URL(server.endpoint).port), ...options });
  return { model, server, proxy };
}

/** The same with TLS up to the store. */
async function behindProxyWithTls(t: TestContext, options: Omit<ForwardProxyOptions, 'port'> = {}) {
  const { model, server } = await behindProxy(t);
  const tls = createServer({ cert: STORE_CERTIFICATE, key: STORE_KEY }, (socket) => {
    const onward = connect(Number(new URL(server.endpoint).port), '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => {});
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  t.after(() => tls.close());
  const { port } = tls.address() as { port: number };
  return { model, proxy: await ForwardProxy.start(t, { port, ...options }) };
}

const apiIn = (environment: Environment, input: SinkInput) => new SdkApi({ settings: settingsOf(input), environment });

async function stageOne(api: SdkApi): Promise<void> {
  const uploadId = await api.createUpload(place, { metadata: {}, attributes: {} });
  const tag = await api.uploadPart({ ...place, uploadId, number: 1 }, Buffer.alloc(200_000, 'x'));
  await api.completeUpload({ ...place, uploadId }, [tag]);
}

test('a plain store is reached through HTTP_PROXY, with user and password', async (t) => {
  const { model, proxy } = await behindProxy(t, { password: 'me:se@cret' });

  await stageOne(apiIn({ HTTP_PROXY: proxy.url('me:se%40cret@') }, { endpoint: NAME }));

  assert.equal(model.objects(BUCKET)[0]?.[1].body.length, 200_000);
  assert.deepEqual(
    proxy.targets.map((url) => url.slice(0, `${NAME}/lake/raw`.length)),
    Array(3).fill(`${NAME}/lake/raw`),
  );
});

test('a store with TLS is reached through a tunnel that HTTPS_PROXY digs, once for many requests', async (t) => {
  setDefaultCACertificates([STORE_CERTIFICATE]);
  const { model, proxy } = await behindProxyWithTls(t, { password: 'me:secret' });

  await stageOne(apiIn({ https_proxy: proxy.url('me:secret@') }, { endpoint: TLS_NAME }));

  assert.equal(model.objects(BUCKET)[0]?.[1].body.length, 200_000);
  assert.deepEqual(proxy.targets, ['store.example:443']);
});

test('AWS itself is behind HTTPS_PROXY, and so is where roles are assumed', async (t) => {
  const { proxy } = await behindProxy(t, { refusesWith: 403 });
  const environment = { HTTPS_PROXY: proxy.url() };
  const region = 'eu-central-1';
  const { credentials, endpoint: _endpoint, ...aws } = settingsOf({ region });

  await assert.rejects(new SdkApi({ settings: { ...aws, credentials }, environment }).get(place), { code: 'S3_PROXY' });
  assert.deepEqual(new Set(proxy.targets.splice(0)), new Set([`${BUCKET}.s3.${region}.amazonaws.com:443`]));

  process.env.AWS_WEB_IDENTITY_TOKEN_FILE = import.meta.filename;
  t.after(() => delete process.env.AWS_WEB_IDENTITY_TOKEN_FILE);
  const role = { ...aws, roleArn: 'arn:aws:iam::123456789012:role/sluice' };
  await assert.rejects(new SdkApi({ settings: role, environment }).get(place), { code: 'S3_PROXY' });

  // That client tries what it calls transient a few times by itself.
  assert.deepEqual(new Set(proxy.targets), new Set([`sts.${region}.amazonaws.com:443`]));
});

test('this machine, and hosts that NO_PROXY names, are reached directly', async (t) => {
  const { model, server, proxy } = await behindProxy(t);
  const everything = { HTTP_PROXY: proxy.url(), HTTPS_PROXY: proxy.url() };

  await stageOne(apiIn(everything, { endpoint: server.endpoint }));
  await assert.rejects(apiIn({ ...everything, NO_PROXY: '.example' }, { endpoint: NAME }).get(place), {
    code: 'S3_NO_SUCH_HOST',
  });

  assert.deepEqual(proxy.targets, []);
  assert.equal(model.objects(BUCKET).length, 1);
});

test('an endpoint on this machine that only the SDK knows of is reached directly', async (t) => {
  const { server, proxy } = await behindProxy(t);
  process.env.AWS_ENDPOINT_URL_S3 = server.endpoint;
  t.after(() => delete process.env.AWS_ENDPOINT_URL_S3);
  const { endpoint: _endpoint, ...settings } = settingsOf({ pathStyle: true });

  const api = new SdkApi({ settings, environment: { HTTP_PROXY: proxy.url(), HTTPS_PROXY: proxy.url() } });

  assert.equal(await api.get(place), undefined);
  assert.deepEqual(proxy.targets, []);
});

/** What looking at the sink says. */
async function failureIn(environment: Environment, endpoint: string): Promise<SluiceError> {
  const settings = settingsOf({ endpoint });
  try {
    await new S3Sink({ settings, api: new SdkApi({ settings, environment }) }).check(context);
  } catch (error) {
    return error as SluiceError;
  }
  throw new Error('it works');
}

test('a proxy that wants a password, refuses or fails is named, without its password', async (t) => {
  const login = 'me:secret@';
  const expected = [
    { how: { password: 'me:other' }, kind: 'config', help: /wants a user and a password/ },
    { how: { refusesWith: 403 }, kind: 'config', help: /does not let anybody through/ },
    { how: { refusesWith: 502 }, kind: 'unavailable', help: /did not get through to the store/ },
    { how: { refusesWith: 504 }, kind: 'unavailable', help: /did not get through to the store/ },
  ];
  for (const { how, kind, help } of expected) {
    const { proxy } = await behindProxy(t, how);
    const failure = await failureIn({ HTTPS_PROXY: proxy.url(login) }, TLS_NAME);

    assert.deepEqual([failure.code, failure.kind], ['S3_PROXY', kind]);
    assert.match(failure.help ?? '', help);
    assert.match(failure.help ?? '', new RegExp(`^The proxy ${proxy.url()} \\(HTTPS_PROXY\\) `));
    assert.ok(!JSON.stringify([failure.message, failure.help, failure.details]).includes('secret'));
  }
});

test('what a proxy answers in place of a plain store is not taken for an answer of the store', async (t) => {
  const expected = [
    { how: { password: 'me:other' }, code: 'S3_PROXY', kind: 'config' },
    { how: { refusesWith: 502 }, code: 'S3_UNAVAILABLE', kind: 'unavailable' },
    { how: { refusesWith: 503 }, code: 'S3_THROTTLED', kind: 'unavailable' },
    { how: { refusesWith: 403 }, code: 'S3_ACCESS_DENIED', kind: 'config' },
  ];
  for (const { how, code, kind } of expected) {
    const { proxy } = await behindProxy(t, how);
    const failure = await failureIn({ HTTP_PROXY: proxy.url() }, NAME);

    assert.deepEqual([failure.code, failure.kind], [code, kind]);
    assert.match(failure.help ?? '', /[Tt]he proxy http:\/\/127\.0\.0\.1:\d+ \(HTTP_PROXY\)/);
  }
});

test('what the store says through a proxy is the store’s', async (t) => {
  const { model, proxy } = await behindProxy(t);
  model.denied.add('s3:ListBucket');

  const failure = await failureIn({ HTTP_PROXY: proxy.url() }, NAME);

  assert.equal(failure.code, 'S3_ACCESS_DENIED');
  assert.doesNotMatch(failure.help ?? '', /proxy/);
});

test('a proxy that does not listen, or does not exist, is what to look at', async () => {
  for (const [url, code] of [
    ['http://127.0.0.1:1', 'S3_UNAVAILABLE'],
    ['http://no-such-proxy.invalid:3128', 'S3_NO_SUCH_HOST'],
  ]) {
    const failure = await failureIn({ HTTPS_PROXY: url }, TLS_NAME);

    assert.deepEqual([failure.kind, failure.code], ['unavailable', code]);
    assert.match(failure.help ?? '', /Requests go through the proxy http:\/\/[^ ]+ \(HTTPS_PROXY\), unless NO_PROXY/);
  }
});

test('a variable that names no HTTP proxy is refused instead of ignored, and not repeated', async () => {
  for (const url of ['socks5://me:secret@proxy:1080', 'http://', 'http://me:secret@proxy:port']) {
    const failure = await failureIn({ HTTPS_PROXY: url }, TLS_NAME);

    assert.deepEqual([failure.kind, failure.code], ['config', 'S3_PROXY']);
    assert.match(`${failure.message}. ${failure.help}`, /HTTPS_PROXY is not the URL.*http:\/\/host:port/);
    assert.ok(!`${failure.message}${failure.help}${failure.cause}`.includes('secret'));
  }
  assert.equal(proxyFor(undefined, { HTTPS_PROXY: 'proxy.corp:3128' })?.address, 'http://proxy.corp:3128');
});

test('the variable of the protocol counts, lower case before upper case, an empty one not at all', () => {
  const environment = {
    http_proxy: 'http://a:1',
    HTTP_PROXY: 'http://b:1',
    https_proxy: '',
    HTTPS_PROXY: 'http://c:1',
  };

  assert.equal(proxyFor(NAME, environment)?.address, 'http://a:1');
  assert.equal(proxyFor(TLS_NAME, environment)?.variable, 'HTTPS_PROXY');
  assert.equal(proxyFor('http://127.0.0.1:9000', environment), undefined);
  assert.equal(proxyFor(undefined, { ...environment, HTTPS_PROXY: '' }), undefined);
  assert.deepEqual(proxyEnvOf(TLS_NAME, {}), {});
});

test('a Node that knows no proxies says so instead of going around them', () => {
  const environment = { HTTPS_PROXY: 'http://proxy:3128' };
  for (const version of ['22.18.0', '22.20.9', '23.11.0', '24.4.1'])
    assert.throws(() => proxyEnvOf(undefined, environment, version), { kind: 'config', code: 'S3_PROXY' }, version);
  for (const version of ['22.21.0', '24.5.0', '24.21.0', '25.0.0', '26.1.0'])
    assert.ok(proxyEnvOf(undefined, environment, version).proxyEnv, version);

  assert.deepEqual(proxyEnvOf(undefined, {}, '22.18.0'), {});
  assert.deepEqual(proxyEnvOf('http://localhost:9000', { HTTP_PROXY: 'http://proxy:3128' }, '22.18.0'), {});
});
