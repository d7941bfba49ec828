import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hdfs, hdfsStore } from '../../../connectors/hdfs/index.ts';
import { hdfsSettings, hdfsStoreSettings } from '../../../connectors/hdfs/settings.ts';
import { NodeWire } from '../../../connectors/hdfs/webhdfs/node-wire.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { SinkRun } from '../../../testing/conformance/sink-run.ts';
import { refusal } from '../../../testing/hdfs/errors.ts';
import { HdfsModel } from '../../../testing/hdfs/model.ts';
import { serveHdfs } from '../../../testing/hdfs/server.ts';
import type { DirectoryNode } from '../../../testing/hdfs/tree.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { clientOn, newModel, ROOT, type SinkInput, sinkOn, storeOn } from './support/scene.ts';

const { signal } = new AbortController();
const URLS = ['http://namenode:9870'];

/** `/data` belongs to us, and everything above it to the superuser. */
function newGuardedModel(): HdfsModel {
  const model = newModel({ superuser: 'root' });
  model.tree.addDirectories(model.tree.find('/data'), ['data'], 'hdfs', 0o755, 0);
  return model;
}

/** Looks, in virtual time. */
function check(model: HdfsModel, input: SinkInput = {}) {
  const virtual = new VirtualEnv();
  const { env } = virtual;
  return virtual.run(sinkOn(model, input, { env }).check({ env, signal }));
}

const issues = (input: object) =>
  hdfsSettings.safeParse({ type: 'hdfs', urls: URLS, user: 'etl', path: ROOT, ...input }).error?.issues ?? [];

test('settings that cannot work are refused before anything is connected', () => {
  for (const wrong of [
    { path: undefined },
    { path: '' },
    { path: 'data/clicks' },
    { path: '/' },
    { path: '/data/12:00' },
    { path: 'hdfs://nn1/data' },
    { path: '/data/../up' },
    { path: '/data/./clicks' },
    { path: '/data//clicks' },
    { path: '/data//' },
    { path: '/data/\ud800' },
    { permission: '9' },
    { permission: '888' },
    { permission: 'rw-r-----' },
    { permission: '06400' },
    { permission: 640 },
    { replication: 0 },
    { replication: 1.5 },
    { urls: undefined },
    { urls: [] },
    { urls: ['namenode:9870'] },
    { urls: ['namenode'] },
    { urls: ['https://'] },
    { urls: ['http://nn1:9870', ''] },
    { urls: ['hdfs://namenode:8020'] },
    { urls: ['http://etl:secret@namenode:9870'] },
    { urls: ['http://namenode:9870?user.name=etl'] },
    { urls: ['http://nn1:9870', 'https://nn2:9871'] },
    { user: undefined },
    { user: '' },
    { user: undefined, auth: { type: 'simple' } },
    { auth: { type: 'basic', username: 'etl' } },
    { auth: { type: 'ntlm' } },
    { server: 'knox' },
    { key: 'value' },
  ]) {
    assert.equal(issues(wrong).length, 1, JSON.stringify(wrong));
  }
});

test('what is wrong is said at the key, in words', () => {
  for (const [wrong, path, message] of [
    [{ path: 'data/clicks' }, ['path'], /does not begin with "\/"/],
    [{ path: '/data/12:00' }, ['path'], /":"/],
    [{ path: '/data/../clicks' }, ['path'], /"\.\."/],
    [{ path: '/data//clicks' }, ['path'], /empty/],
    [{ path: '/' }, ['path'], /below the root/],
    [{ permission: '888' }, ['permission'], /octal/],
    [{ urls: ['namenode:9870'] }, ['urls', 0], /http:\/\/namenode:9870/],
    [{ user: undefined }, ['user'], /auth simple/],
  ] as [object, (string | number)[], RegExp][]) {
    const [issue] = issues(wrong);
    assert.deepEqual(issue?.path, path);
    assert.match(issue?.message ?? '', message);
  }
});

test('what can be meant in one way only is forgiven', () => {
  assert.deepEqual(issues({ user: undefined, auth: { type: 'bearer', token: 't' } }), []);
  const { path, urls } = hdfsSettings.parse({
    ...{ type: 'hdfs', user: 'etl', path: '/data/clicks/' },
    urls: ['http://nn1:9870/', 'http://nn2:9870/webhdfs/v1'],
  });

  assert.equal(path, '/data/clicks');
  assert.deepEqual(urls, ['http://nn1:9870', 'http://nn2:9870']);
});

test('code says the same as a pipeline file, and the identity is the path, whatever NameNodes there are', () => {
  const place = { urls: URLS, user: 'etl' };

  assert.equal(hdfs({ ...place, path: '/data/clicks/' }).identity, 'hdfs:/data/clicks');
  assert.equal(hdfs({ ...place, path: ROOT }).rootStore(systemEnv())?.identity, `hdfs:${ROOT}/_sluice`);
  assert.equal(hdfsStore({ ...place, path: '/state/' }).identity, 'hdfs:/state');
  assert.throws(() => hdfs({ ...place, path: 'clicks' }), /does not begin with/);
  assert.throws(() => hdfsStoreSettings.parse({ type: 'hdfs', ...place, path: '/' }), /below the root/);
});

test('looking writes nothing', async () => {
  const model = newModel();

  await check(model);

  const changes = [...model.requestCounts.keys()].filter((kind) => !/\.(GETFILESTATUS|CHECKACCESS)$/.test(kind));
  assert.deepEqual(changes, []);
  assert.equal(model.node('/data'), undefined);
});

test('a file where a directory has to be, or above it, is named', async () => {
  for (const file of ['/data', ROOT, `${ROOT}/.staging`]) {
    const model = newModel();
    await clientOn(model).create(file, Buffer.from('x'));

    await assert.rejects(check(model), {
      ...{ kind: 'config', code: 'HDFS_NOT_A_DIRECTORY' },
      message: new RegExp(`because ${file} is something else`),
    });
  }
});

test('a file above is named, too, where the cluster refuses to look below it', async () => {
  const model = newModel({
    intervene: (_, label) =>
      label.startsWith('hdfs.GETFILESTATUS /data/')
        ? refusal('ParentNotDirectoryException', '/data (is not a directory)')
        : undefined,
  });
  await clientOn(model).create('/data', Buffer.from('x'));

  await assert.rejects(check(model), { code: 'HDFS_NOT_A_DIRECTORY', message: /because \/data is something else/ });
});

test('a user who may not write there is told where', async () => {
  for (const [path, nearest] of [
    ['/elsewhere/clicks', '/'],
    [ROOT, ROOT],
    ['/data', '/data/.staging'],
  ] as const) {
    const model = newGuardedModel();
    model.tree.addDirectories(model.tree.find(ROOT), ['clicks'], 'other', 0o755, 0);
    model.tree.addDirectories(model.tree.find('/data/.staging'), ['.staging'], 'other', 0o755, 0);

    await assert.rejects(check(model, { path }), {
      ...{ kind: 'config', code: 'HDFS_ACCESS_DENIED' },
      message: new RegExp(`hdfs:${nearest}$`),
    });
  }
});

test('a user who may not even look there is told so, as one is whose way leads through a file', async () => {
  const hidden = newGuardedModel();
  (hidden.node('/data') as DirectoryNode).owner = 'other';
  (hidden.node('/data') as DirectoryNode).mode = 0o700;
  const blocked = newGuardedModel();
  await clientOn(blocked).create(ROOT, Buffer.from('x'));

  await assert.rejects(check(hidden), { kind: 'config', code: 'HDFS_ACCESS_DENIED', message: /user=hdfs/ });
  await assert.rejects(check(blocked, { path: `${ROOT}/below` }), {
    ...{ kind: 'config', code: 'HDFS_ACCESS_DENIED' },
    message: /is not a directory/,
  });
});

test('NameNodes of which none is active are waited for, less than a minute, and then told of', async () => {
  const model = newModel({ nameNodes: ['http://nn1.test:9870', 'http://nn2.test:9870'] });
  for (const nameNode of model.nameNodes) nameNode.state = 'standby';
  const virtual = new VirtualEnv();
  const { env } = virtual;
  const sink = sinkOn(model, {}, { env });

  await assert.rejects(virtual.run(sink.check({ env, signal })), {
    ...{ kind: 'unavailable', code: 'HDFS_STANDBY' },
    help: /urls names all of them/,
  });

  assert.ok(virtual.nowMs < 60_000, `${virtual.nowMs} ms`);
  model.activate(1);
  await virtual.run(sink.check({ env, signal }));
});

test('a cluster that is in safe mode at the start can be looked at, and is waited for with the first write', async () => {
  const model = newModel();
  model.safeMode = true;
  const virtual = new VirtualEnv();
  const { env } = virtual;
  const store = storeOn(model, { env });

  await check(model);
  await assert.rejects(virtual.run(store.createIfAbsent('a/1', Buffer.from('x'))), {
    ...{ kind: 'unavailable', code: 'HDFS_SAFE_MODE' },
    help: /dfsadmin -safemode/,
  });
  env.timers.after(5_000, () => {
    model.safeMode = false;
  });

  assert.equal(await virtual.run(store.createIfAbsent('a/1', Buffer.from('x'))), 'created');
});

test('where nothing listens is unavailable, with the address', async () => {
  const model = newModel();
  for (const nameNode of model.nameNodes) nameNode.state = 'down';

  await assert.rejects(check(model), { kind: 'unavailable', code: 'HDFS_UNREACHABLE', message: /nn1\.test:9870/ });
});

const TOPICS = ['a b', '100%', 'a+b', 'größe', '点击', 'a%20b', "it's", 'a=b&c', '.hidden', '..', 'a;b', '#1?x'];
const ODD_ROOT = '/odd data/100%/a+b/größe/%41/点击/x&y=#?;\'"\\';

async function writeAndRead(model: HdfsModel, wire?: NodeWire): Promise<void> {
  const scene = wire === undefined ? {} : { wire };
  {
    await using run = await SinkRun.start(sinkOn(model, { path: ODD_ROOT }, scene));
    for (const group of TOPICS) await run.write({ split: 't/0', group, values: [JSON.stringify(group)] });
    const handles = await run.cut();
    const verdicts = await run.commit(handles);

    assert.deepEqual(new Set(verdicts.map(({ kind }) => kind)), new Set(['committed']));
    assert.equal(handles.length, TOPICS.length);
    assert.equal((await run.abortOrphans()).kept, 0);
  }
  const client = clientOn(model, scene);
  const found: string[] = [];
  for (const { name: directory } of (await client.listStatus(ODD_ROOT)) ?? []) {
    if (directory.startsWith('.')) continue;
    for (const { name } of (await client.listStatus(`${ODD_ROOT}/${directory}`)) ?? []) {
      const topic = JSON.parse(`${await client.read(`${ODD_ROOT}/${directory}/${name}`)}`);
      assert.equal(decodeURIComponent(directory), topic, 'below the name of its topic');
      found.push(topic);
    }
  }
  assert.deepEqual(found.sort(), [...TOPICS].sort());
  for (const [path] of model.files()) assert.ok(path.startsWith(`${ODD_ROOT}/`), path);
}

test('paths and topics of any letters are written and read back at the right place', async () => {
  await writeAndRead(newModel());
});

test('and so they are over sockets', async (t) => {
  const served = await serveHdfs({ modelAt: (places) => new HdfsModel(places) });
  t.after(() => served.close());
  const wire = new NodeWire({ timers: systemEnv().timers });
  t.after(() => wire[Symbol.asyncDispose]());

  await writeAndRead(served.model, wire);
});
