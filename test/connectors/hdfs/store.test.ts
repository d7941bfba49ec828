import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeStore } from '../../../core/checkpoint/probe.ts';
import { json, refusal } from '../../../testing/hdfs/errors.ts';
import type { HdfsModel } from '../../../testing/hdfs/model.ts';
import type { DirectoryNode } from '../../../testing/hdfs/tree.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { clientOn, cut, GATEWAY, newModel, STORE_ROOT, storeOn } from './support/scene.ts';

const body = Buffer.from('slot');
const PAIR = { nameNodes: ['http://nn1.test:9870', 'http://nn2.test:9870'] };

/** What becomes of the nth call whose label matches, counted from 1. */
function atCall(label: RegExp, nth: number, fate: Interpose): Interpose {
  let seen = 0;
  return (asked, effect) => (label.test(asked) && ++seen === nth ? fate(asked, effect) : effect());
}
const didNot: Interpose = () => Promise.reject(cut());
const tookEffect: Interpose = async (_, effect) => {
  await effect();
  throw cut();
};

const paths = (model: HdfsModel) => model.files().map(([path]) => path);
const slotOf = (key: string) => `${STORE_ROOT}/${key}`;

test('a slot is written under another name, and has its own by one rename', async () => {
  const model = newModel();
  const store = storeOn(model);
  await store.createIfAbsent('a/1', body);
  const before = new Map(model.requestCounts);

  assert.equal(await store.createIfAbsent('a/2', body), 'created');

  const asked = [...model.requestCounts].map(([kind, n]) => [kind, n - (before.get(kind) ?? 0)] as const);
  assert.deepEqual(Object.fromEntries(asked.filter(([, n]) => n > 0)), {
    'nameNode.CREATE': 1,
    'dataNode.CREATE': 1,
    'nameNode.RENAME': 1,
  });
  assert.deepEqual(paths(model), [slotOf('a/1'), slotOf('a/2')]);
});

test('a write without an answer makes no slot, whether it took effect or not, and leaves nothing behind', async () => {
  for (const step of ['open', 'write', 'close'])
    for (const fate of [didNot, tookEffect]) {
      const model = newModel();
      const store = storeOn(model, { call: atCall(new RegExp(`^hdfs.CREATE .* ${step}$`), 1, fate) });

      await assert.rejects(store.createIfAbsent('a/1', body), { kind: 'unavailable', code: 'HDFS_UNAVAILABLE' });

      assert.deepEqual(paths(model), []);
      assert.equal(await store.get('a/1'), undefined);
      assert.equal(await store.createIfAbsent('a/1', body), 'created');
    }
});

test('a rename without an answer leaves the outcome open, and looking it up is the log’s', async () => {
  for (const [fate, next] of [
    [tookEffect, 'exists'],
    [didNot, 'created'],
  ] as const) {
    const model = newModel();
    const store = storeOn(model, { call: atCall(/^hdfs.RENAME/, 1, fate) });

    await assert.rejects(store.createIfAbsent('a/1', body), { kind: 'unavailable', code: 'HDFS_UNAVAILABLE' });

    assert.equal(model.requestCounts.get('nameNode.RENAME') ?? 0, next === 'exists' ? 1 : 0, 'asked once');
    assert.equal(await store.createIfAbsent('a/1', body), next);
    assert.deepEqual(await store.get('a/1'), body);
    assert.deepEqual(paths(model), [slotOf('a/1')]);
  }
});

test('a rename that arrives after it was given up finds nothing to rename', async () => {
  let late: () => Promise<unknown> = async () => {};
  const model = newModel();
  const delayed: Interpose = async (_, effect) => {
    late = effect;
    throw cut();
  };
  const store = storeOn(model, { call: atCall(/^hdfs.RENAME/, 1, delayed) });
  await assert.rejects(store.createIfAbsent('a/1', body), { kind: 'unavailable' });

  await late();

  assert.equal(await store.get('a/1'), undefined);
  assert.equal(await store.createIfAbsent('a/1', body), 'created');
});

test('a temporary file that cannot be removed is in no listing, and in nobody’s way', async () => {
  const model = newModel();
  const call: Interpose = (label, effect) =>
    label.startsWith(`hdfs.DELETE ${STORE_ROOT}/.tmp/`) ? Promise.reject(cut()) : effect();
  const virtual = new VirtualEnv();
  const store = storeOn(model, { call, env: virtual.env });
  await virtual.run(store.createIfAbsent('a/1', body));

  assert.equal(await virtual.run(store.createIfAbsent('a/1', Buffer.from('other'))), 'exists');

  assert.equal(paths(model).filter((path) => path.startsWith(`${STORE_ROOT}/.tmp/`)).length, 1);
  assert.deepEqual(await store.list('', ''), ['a/1']);
  assert.equal(await virtual.run(store.createIfAbsent('a/2', body)), 'created');
});

const DAY_MS = 24 * 60 * 60 * 1000;
const temporaries = (model: HdfsModel) => paths(model).filter((path) => path.startsWith(slotOf('.tmp/')));

test('the first slot of a run removes what writers have left for more than a day, and nothing younger', async () => {
  for (const throughGateway of [false, true]) {
    let nowMs = 0;
    const model = newModel({ nowMs: () => nowMs, gateway: GATEWAY });
    await clientOn(model).create(slotOf('.tmp/old'), body);
    nowMs = 2;
    await clientOn(model).create(slotOf('.tmp/young'), body);
    nowMs = DAY_MS + 1;
    const store = storeOn(model, { throughGateway });

    assert.equal(await store.createIfAbsent('a/1', body), 'created');
    assert.deepEqual(temporaries(model), [slotOf('.tmp/young')]);

    nowMs = 2 * DAY_MS;
    assert.equal(await store.createIfAbsent('a/2', body), 'created');
    assert.deepEqual(temporaries(model), [slotOf('.tmp/young')], 'once for each run');
    assert.deepEqual(await store.list('', ''), ['a/1', 'a/2']);
  }
});

test('what was left and cannot be listed or removed keeps no slot from being written', async () => {
  for (const refused of ['LISTSTATUS', 'DELETE']) {
    let nowMs = 0;
    const model = newModel({
      nowMs: () => nowMs,
      intervene: (_, label) =>
        label.startsWith(`hdfs.${refused}`) ? refusal('AccessControlException', 'Permission denied') : undefined,
    });
    await clientOn(model).create(slotOf('.tmp/old'), body);
    nowMs = DAY_MS + 1;

    assert.equal(await storeOn(model).createIfAbsent('a/1', body), 'created');

    assert.deepEqual(temporaries(model), [slotOf('.tmp/old')]);
  }
});

test('a writer that was paused for so long that its file is gone makes no slot, and says so', async () => {
  let nowMs = 0;
  const model = newModel({ nowMs: () => nowMs });
  const paused: Interpose = async (_, effect) => {
    nowMs = DAY_MS + 1;
    assert.equal(await storeOn(model).createIfAbsent('b/1', body), 'created');
    return effect();
  };
  const store = storeOn(model, { call: atCall(/^hdfs.RENAME/, 1, paused) });

  await assert.rejects(store.createIfAbsent('a/1', body), { code: 'HDFS_NOT_FOUND' });

  assert.deepEqual(paths(model), [slotOf('b/1')]);
});

for (const [name, scene] of [
  ['a NameNode', {}],
  ['HttpFS', { throughGateway: true }],
] as const) {
  test(`by ${name}: directories that are removed while it runs are made again`, async () => {
    const model = newModel({ gateway: GATEWAY });
    const store = storeOn(model, scene);
    for (const [index, gone] of ['/data', STORE_ROOT, slotOf('a'), slotOf('.tmp')].entries()) {
      await store.createIfAbsent('a/0', body);
      await clientOn(model).delete(gone, { recursive: true });

      assert.equal(await store.createIfAbsent(`a/${index + 1}`, body), 'created', gone);

      assert.deepEqual(await store.get(`a/${index + 1}`), body);
    }
  });

  test(`by ${name}: a directory that is removed right before the rename is made again`, async () => {
    const model = newModel({ gateway: GATEWAY });
    const removing: Interpose = async (_, effect) => {
      await clientOn(model).delete(slotOf('a'), { recursive: true });
      return effect();
    };
    const store = storeOn(model, { ...scene, call: atCall(/^hdfs.RENAME/, 1, removing) });

    assert.equal(await store.createIfAbsent('a/1', body), 'created');

    assert.deepEqual(paths(model), [slotOf('a/1')]);
  });

  test(`by ${name}: a slot that somebody makes right before the rename is theirs`, async () => {
    const model = newModel({ gateway: GATEWAY });
    const overtaking: Interpose = async (_, effect) => {
      await storeOn(model).createIfAbsent('a/2', Buffer.from('theirs'));
      return effect();
    };
    const store = storeOn(model, { ...scene, call: atCall(/^hdfs.RENAME/, 2, overtaking) });
    await store.createIfAbsent('a/1', body);

    assert.equal(await store.createIfAbsent('a/2', body), 'exists');

    assert.equal((await store.get('a/2'))?.toString(), 'theirs');
    assert.deepEqual(paths(model), [slotOf('a/1'), slotOf('a/2')]);
  });
}

test('a gateway that says false for no reason that shows is not believed to have made a slot', async () => {
  const model = newModel({
    gateway: GATEWAY,
    intervene: (_, label) => (label.startsWith('hdfs.RENAME') ? json(200, { boolean: false }) : undefined),
  });
  const store = storeOn(model, { throughGateway: true });

  await assert.rejects(store.createIfAbsent('a/1', body), { code: 'HDFS_NOT_RENAMED' });

  assert.equal(model.requestCounts.get('gateway.RENAME'), 2);
  assert.deepEqual(paths(model), []);
});

test('of writers by either NameNode, with a failover amid them, one has each slot', async () => {
  const model = newModel(PAIR);
  const [nn1, nn2] = PAIR.nameNodes as [string, string];
  let renames = 0;
  const call: Interpose = async (label, effect) => {
    if (label.startsWith('hdfs.RENAME') && ++renames % 7 === 0) model.activate(renames % 2);
    await Promise.resolve();
    return effect();
  };
  const virtual = new VirtualEnv();
  const stores = [
    [nn1, nn2],
    [nn2, nn1],
  ].map((urls) => storeOn(model, { urls, call, env: virtual.env }));

  for (let slot = 0; slot < 30; slot++) {
    const outcomes = await virtual.run(
      Promise.all(stores.map((store, writer) => store.createIfAbsent(`a/${slot}`, Buffer.from(`${writer}`)))),
    );

    const winner = outcomes.indexOf('created');
    assert.deepEqual([...outcomes].sort(), ['created', 'exists'], `slot ${slot}`);
    for (const store of stores) assert.equal(`${await virtual.run(store.get(`a/${slot}`))}`, `${winner}`);
  }
  assert.equal(paths(model).length, 30);
});

test('what the cluster refuses before the first slot is the user’s to mend, later it is waited for', async () => {
  const model = newModel({ superuser: 'root' });
  model.tree.addDirectories(model.tree.find(STORE_ROOT), ['data', '_sluice'], 'hdfs', 0o755, 0);
  const directory = model.node(STORE_ROOT) as DirectoryNode;
  const store = storeOn(model);
  directory.mode = 0o555;
  await assert.rejects(store.createIfAbsent('a/1', body), { kind: 'config', code: 'HDFS_ACCESS_DENIED' });
  directory.mode = 0o755;
  await store.createIfAbsent('a/1', body);
  directory.mode = 0o555;

  await assert.rejects(store.createIfAbsent('b/1', body), { kind: 'rejected', code: 'HDFS_ACCESS_DENIED' });
});

test('a create that is called off rejects, and makes no slot', async () => {
  for (const label of [/^hdfs.MKDIRS/, /^hdfs.CREATE .* write$/, /^hdfs.RENAME/]) {
    const model = newModel();
    const controller = new AbortController();
    const call = atCall(label, 1, async () => {
      queueMicrotask(() => controller.abort(new Error('the incarnation is over')));
      return await new Promise<never>(() => {});
    });
    const virtual = new VirtualEnv();
    const creating = storeOn(model, { call, env: virtual.env }).createIfAbsent('a/1', body, controller);

    await assert.rejects(virtual.run(creating));

    assert.deepEqual(
      paths(model).filter((path) => !path.includes('/.tmp/')),
      [],
    );
  }
});

test('keys that are no plain segments are a bug, and nothing is sent', async () => {
  const model = newModel();
  for (const key of ['', 'a//b', '../a', '.tmp/a', 'A/1', 'a/', 'a:b'])
    await assert.rejects(storeOn(model).createIfAbsent(key, body), { kind: 'bug' }, key);

  assert.deepEqual([...model.requestCounts], []);
});

test('a file where a directory of slots would be holds no slots, in whatever words the cluster says so', async () => {
  const refusing = newModel({
    intervene: (_, label) =>
      label.includes(slotOf('a/')) ? refusal('ParentNotDirectoryException', 'a (is not a directory)') : undefined,
  });
  for (const model of [newModel(), refusing]) {
    await clientOn(model).create(slotOf('a'), body);
    const store = storeOn(model);

    assert.equal(await store.get('a/1'), undefined);
    assert.deepEqual(await store.list('a/b/', ''), []);
    assert.deepEqual(await store.list('a/', ''), []);
  }
});

test('it proves itself to be a good store, by a NameNode and by HttpFS', async () => {
  for (const throughGateway of [false, true]) {
    const store = storeOn(newModel({ gateway: GATEWAY }), { throughGateway });
    await probeStore(store, 'clicks', new VirtualEnv().env, new AbortController());
  }
});
