import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { diagnoseRegistry } from '../../../connectors/schema-registry/diagnosis.ts';
import { registrySettings } from '../../../connectors/schema-registry/settings.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { type RegistryServerOptions, serveRegistry } from '../../../testing/schema-registry/server.ts';

async function server(t: TestContext, options: RegistryServerOptions = {}) {
  const registry = await serveRegistry(options);
  t.after(() => registry.close());
  return registry;
}

async function findingsOf(urls: readonly string[], signal = new AbortController().signal) {
  const settings = registrySettings.parse({ urls, timeout: '1s' });
  return await diagnoseRegistry(settings, { env: systemEnv(), signal });
}

test('a registry that answers is good, whatever schemas it has', async (t) => {
  const { url, asked } = await server(t, { prefix: '/apis/ccompat/v7' });

  assert.deepEqual(await findingsOf([url]), [{ level: 'good', what: `the schema registry at ${url} answers` }]);
  assert.deepEqual(asked, ['/schemas/ids/2147483647']);
});

test('a server that is away is a problem, and a warning while another one answers', async (t) => {
  const [one, two] = [await server(t), await server(t)];
  await two.close();
  const levelsOf = async (urls: readonly string[]) => (await findingsOf(urls)).map(({ level }) => level);

  assert.deepEqual(await levelsOf([two.url]), ['problem']);
  assert.deepEqual(await levelsOf([two.url, one.url]), ['warning', 'good']);
  const [finding] = await findingsOf([two.url]);
  assert.match(String(finding?.what), /^could not read schemas of the schema registry at .*ECONNREFUSED/);
});

test('a server that refuses, or is none, is a problem even beside one that answers', async (t) => {
  const [good, denies, none] = [
    await server(t),
    await server(t, { authorization: 'Bearer x' }),
    await server(t, { prefix: '/elsewhere' }),
  ];
  const noPrefix = none.url.replace('/elsewhere', '');

  const findings = await findingsOf([good.url, denies.url, noPrefix]);

  assert.deepEqual(
    findings.map(({ level }) => level),
    ['good', 'problem', 'problem'],
  );
  assert.match(String(findings[1]?.help), /registry\.auth/);
  assert.match(String(findings[2]?.help), /registry\.urls/);
});

test('a diagnosis that is called off ends at once', async (t) => {
  const { url } = await server(t, { faultOf: () => ({ kind: 'lostResponse' }) });
  const calledOff = new AbortController();

  const findings = findingsOf([url], calledOff.signal);
  calledOff.abort(new Error('called off'));

  await assert.rejects(findings, /called off/);
});
