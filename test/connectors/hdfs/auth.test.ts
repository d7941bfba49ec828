import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutConnection, refusal, type SeenRequest, scripted, status } from './support/scripted-wire.ts';

const HOUR_MS = 3_600_000;
const kerberos = {
  settings: { auth: { type: 'kerberos' as const } },
  negotiate: async (host: string) => `for-${host}`,
};
const isPrimary = ({ headers }: SeenRequest) => headers.authorization === 'Negotiate for-nn1';
const invalidToken = refusal(403, 'SecurityException', 'Failed to obtain user group information: InvalidToken');

/** A NameNode that gives tokens T1, T2, ... by SPNEGO, and takes them until they are cancelled. */
function secure() {
  const given: string[] = [];
  const good = new Set<string>();
  const renewed: string[] = [];
  const scene = scripted((request) => {
    const { op, query } = request;
    if (op === 'GETDELEGATIONTOKEN') {
      if (!isPrimary(request)) return { status: 401 };
      const token = `T${given.length + 1}`;
      given.push(token);
      good.add(token);
      return { json: { Token: { urlString: token } } };
    }
    if (op === 'RENEWDELEGATIONTOKEN') {
      if (!isPrimary(request) || !good.has(query.token ?? '')) return refusal(403, 'InvalidToken');
      renewed.push(query.token as string);
      return { json: { long: 1_800_000_000_000 } };
    }
    return good.has(query.delegation ?? '') ? status() : invalidToken;
  }, kerberos);
  return { ...scene, given, good, renewed };
}

test('Kerberos gets one delegation token for all calls, which show nothing else', async () => {
  const { client, seen, run, given } = secure();

  await run(Promise.all([client.getFileStatus('/a'), client.getFileStatus('/b')]));
  await run(client.getFileStatus('/c'));

  assert.deepEqual(given, ['T1']);
  assert.equal(seen[0]?.query.renewer, 'etl');
  for (const { query, headers } of seen.slice(1)) {
    assert.equal(query.delegation, 'T1');
    assert.equal(query['user.name'], undefined);
    assert.equal(headers.authorization, undefined);
  }
});

test('a token is renewed every hour, and got anew when that is refused', async () => {
  const { client, run, virtual, given, good, renewed } = secure();
  await run(client.getFileStatus('/a'));

  await virtual.advance(HOUR_MS);
  await run(client.getFileStatus('/a'));
  await run(client.getFileStatus('/b'));
  assert.deepEqual([given, renewed], [['T1'], ['T1']]);

  await virtual.advance(HOUR_MS);
  good.clear();
  await run(client.getFileStatus('/a'));
  assert.deepEqual([given, renewed], [['T1', 'T2'], ['T1']]);
});

test('a token that is refused in the middle is got anew, and the call goes on: even a rename, which had no effect', async () => {
  const { client, run, good, given } = secure();
  await run(client.getFileStatus('/a'));
  good.clear();

  await run(client.getFileStatus('/a'));

  assert.deepEqual(given, ['T1', 'T2']);
});

test('a user whom a fresh token does not help is told so, after one try', async () => {
  const { client, run, seen } = scripted(
    ({ op }) => (op === 'GETDELEGATIONTOKEN' ? { json: { Token: { urlString: 'T' } } } : invalidToken),
    kerberos,
  );

  await assert.rejects(run(client.getFileStatus('/a')), { reason: 'credentials', help: /klist/ });
  assert.deepEqual(
    seen.map(({ op }) => op),
    ['GETDELEGATIONTOKEN', 'GETFILESTATUS', 'GETDELEGATIONTOKEN', 'GETFILESTATUS'],
  );
});

test('a cluster that believes names hands out no tokens, and says so in our words', async () => {
  const { client, run } = scripted(() => ({ json: { Token: null } }), kerberos);

  await assert.rejects(run(client.getFileStatus('/a')), { code: 'HDFS_NO_TOKENS', kind: 'config' });
});

test('a token call that breaks off casts no doubt on a rename, which was not sent yet and goes to the next NameNode', async () => {
  const urls = ['http://nn2:9870', 'http://nn1:9870'];
  const { client, run, asked } = scripted(
    ({ host, op }) => {
      if (host === 'nn2:9870') return cutConnection();
      return op === 'GETDELEGATIONTOKEN' ? { json: { Token: { urlString: 'T' } } } : {};
    },
    { ...kerberos, settings: { ...kerberos.settings, urls, server: 'namenode' } },
  );

  await run(client.rename('/a', '/b'));

  assert.deepEqual(asked(), ['GETDELEGATIONTOKEN nn2:9870', 'GETDELEGATIONTOKEN nn1:9870', 'RENAME nn1:9870']);
});

test('a token that was given is shown as it is, and its end says what to do', async () => {
  const auth = { type: 'delegationToken' as const, token: 'HAAE+/=' };
  const { client, run, seen } = scripted(() => invalidToken, { settings: { auth } });

  await assert.rejects(run(client.getFileStatus('/a')), (error: Error) => {
    assert.doesNotMatch(JSON.stringify({ ...error, message: error.message }), /HAAE/);
    return true;
  });
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.query.delegation, 'HAAE+/=');
});

test('user and password, or a bearer, are shown to the cluster’s own URLs and to no other host', async () => {
  const knox = 'https://knox:8443/gateway/default';
  for (const auth of [
    { type: 'basic' as const, username: 'etl', password: 'pass:word' },
    { type: 'bearer' as const, token: 'jwt' },
  ]) {
    let next = `${knox}/webhdfs/data/v1/x?_=AAA`;
    const { client, run, seen } = scripted(
      ({ path, op }) => (path.includes('/data/') || op === '' ? { status: 201 } : { json: { Location: next } }),
      { settings: { urls: [knox], auth } },
    );

    await run(client.create('/a', Buffer.from('x')));
    next = 'https://dn1:9865/webhdfs/data/v1/x';
    await run(client.create('/a', Buffer.from('x')));

    const shown = auth.type === 'basic' ? `Basic ${Buffer.from('etl:pass:word').toString('base64')}` : 'Bearer jwt';
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      [shown, shown, shown, undefined],
    );
  }
});

test('calls about tokens are proven by SPNEGO, never by a token', async () => {
  const { client, run, seen } = scripted(
    ({ op }) => (op === 'RENEWDELEGATIONTOKEN' ? { json: { long: 5 } } : {}),
    kerberos,
  );

  assert.equal(await run(client.renewDelegationToken('T')), 5);
  await run(client.cancelDelegationToken('T'));

  for (const request of seen) {
    assert.ok(isPrimary(request));
    assert.equal(request.query.delegation, undefined);
  }
});
