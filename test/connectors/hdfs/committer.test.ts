import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HdfsHandle } from '../../../connectors/hdfs/handle.ts';
import type { PendingHandle } from '../../../core/contract/sink.ts';
import type { DirectoryNode } from '../../../testing/hdfs/tree.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { Committing, type CommittingOptions } from './support/committing.ts';
import { clientOn, cut, GATEWAY, newModel, ROOT, stagedIn } from './support/scene.ts';

const TEXT = '{"a":1}\n';
const DIRECTORY = `${ROOT}/t`;

/** Answers of renames that never come: these ones take effect, or do not. */
function losing(fates: ('tookEffect' | 'didNot')[]): Interpose {
  const left = [...fates];
  return async (label, effect) => {
    const fate = label.startsWith('hdfs.RENAME') ? left.shift() : undefined;
    if (fate === 'didNot') throw cut();
    const answer = await effect();
    if (fate === 'tookEffect') throw cut();
    return answer;
  };
}

const renames = ({ model }: Committing) => model.requestCounts.get('nameNode.RENAME') ?? 0;
const directoryOf = ({ model }: Committing) => model.node(DIRECTORY) as DirectoryNode;
const removed = (scene: Committing, path: string) => clientOn(scene.model).delete(path, { recursive: true });

/** The file is where readers see it, and nowhere else. */
function assertVisible(scene: Committing, ...handles: PendingHandle<HdfsHandle>[]): void {
  for (const { payload } of handles) assert.equal(scene.textAt(payload.final), TEXT);
  assert.deepEqual(stagedIn(scene.model), []);
}

test('a file costs one rename, and no look from the second one on', async () => {
  const scene = new Committing();
  const handles = [await scene.stage(), await scene.stage()];
  const looks = () => scene.model.requestCounts.get('nameNode.GETFILESTATUS') ?? 0;
  await scene.commit(handles[0] as PendingHandle<HdfsHandle>);
  const before = { renames: renames(scene), looks: looks() };

  assert.deepEqual(await scene.commit(handles[1] as PendingHandle<HdfsHandle>), [{ kind: 'committed' }]);

  assert.deepEqual(
    { renames: renames(scene) - before.renames, looks: looks() - before.looks },
    { renames: 1, looks: 0 },
  );
  assertVisible(scene, ...handles);
});

test('a rename whose answer was lost is found done, and not asked for again', async () => {
  const scene = new Committing({ call: losing(['tookEffect']) });
  const handle = await scene.stage();

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);

  assert.equal(renames(scene), 1);
  assertVisible(scene, handle);
});

test('a rename that never arrived is asked for once more, and waits when that one does not arrive either', async () => {
  const once = new Committing({ call: losing(['didNot']) });
  const twice = new Committing({ call: losing(['didNot', 'didNot']) });
  const handles = [await once.stage(), await twice.stage()] as const;

  assert.deepEqual(await once.commit(handles[0]), [{ kind: 'committed' }]);
  const [verdict] = await twice.commit(handles[1]);

  assert.equal(verdict?.kind, 'retryLater');
  assert.equal(verdict.cause.code, 'HDFS_UNAVAILABLE');
  assert.equal(twice.textAt(handles[1].payload.staged), TEXT);
  assert.deepEqual(await twice.commit(handles[1]), [{ kind: 'committed' }]);
  assertVisible(once, handles[0]);
  assertVisible(twice, handles[1]);
});

test('a rename that arrives after we have looked makes the file visible once', async () => {
  let late: (() => Promise<unknown>) | undefined;
  const scene = new Committing({
    call: async (label, effect) => {
      if (!label.startsWith('hdfs.RENAME') || late !== undefined) {
        if (label.startsWith('hdfs.MKDIRS')) await late?.();
        return effect();
      }
      late = effect;
      throw cut();
    },
  });
  const handle = await scene.stage();

  const [verdict] = await scene.commit(handle);

  assert.match(verdict?.kind ?? '', /^(committed|alreadyCommitted)$/);
  assertVisible(scene, handle);
});

test('a second answer that is lost is looked up as the first one is', async () => {
  const scene = new Committing({ call: losing(['didNot', 'tookEffect']) });
  const handle = await scene.stage();

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);

  assertVisible(scene, handle);
});

for (const [name, options] of [
  ['a NameNode', {}],
  ['HttpFS', { throughGateway: true }],
] as [string, CommittingOptions][]) {
  const sceneOf = (more: CommittingOptions = {}) =>
    new Committing({ model: newModel({ gateway: GATEWAY }), ...options, ...more });

  test(`by ${name}: what was committed before is found by its length`, async () => {
    const scene = sceneOf();
    const handle = await scene.stage();
    await scene.commit(handle);

    assert.deepEqual(await scene.commit(handle), [{ kind: 'alreadyCommitted' }]);

    assertVisible(scene, handle);
  });

  for (const there of ['a file of our length', 'a file of another length', 'a directory'] as const) {
    const put = async (scene: Committing, { payload: { final } }: PendingHandle<HdfsHandle>) => {
      if (there === 'a directory') await clientOn(scene.model).mkdirs(final);
      else await scene.putAt(final, there === 'a file of our length' ? '{"b":2}\n' : 'torn');
      return scene.textAt(final);
    };

    for (const isFirst of [true, false]) {
      const when = isFirst ? 'before the first rename' : 'when it is known which server this is';
      test(`by ${name}, ${when}: ${there} at the target is left alone while our file is still staged`, async () => {
        const scene = sceneOf();
        if (!isFirst) await scene.commit(await scene.stage());
        const handle = await scene.stage();
        const theirs = await put(scene, handle);

        const [verdict] = await scene.commit(handle);

        assert.equal(verdict?.kind, 'retryLater');
        assert.equal(verdict.cause.code, 'HDFS_TARGET_OCCUPIED');
        assert.equal(scene.textAt(handle.payload.final), theirs);
        assert.equal(scene.textAt(handle.payload.staged), TEXT);
        await removed(scene, handle.payload.final);
        assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);
      });
    }

    test(`by ${name}: ${there} at the target, and nothing staged`, async () => {
      for (const takenByReaders of ['fail', 'assume'] as const) {
        const scene = sceneOf({ takenByReaders });
        const handle = await scene.stage();
        await removed(scene, handle.payload.staged);
        await put(scene, handle);

        const [verdict] = await scene.commit(handle);

        if (there === 'a file of our length') assert.deepEqual(verdict, { kind: 'alreadyCommitted' });
        else {
          assert.equal(verdict?.kind, 'lost');
          const what = there === 'a directory' ? 'is a directory' : 'has 4 bytes instead of 8';
          assert.equal(verdict.why, `hdfs:${handle.payload.final} ${what}`);
        }
      }
    });
  }

  test(`by ${name}: what is under neither name is lost, unless readers may have taken it`, async () => {
    for (const takenByReaders of ['fail', 'assume'] as const) {
      const scene = sceneOf({ takenByReaders });
      const handle = await scene.stage();
      await removed(scene, handle.payload.staged);

      const [verdict] = await scene.commit(handle);

      if (takenByReaders === 'assume') assert.deepEqual(verdict, { kind: 'alreadyCommitted' });
      else {
        assert.equal(verdict?.kind, 'lost');
        for (const path of [handle.payload.staged, handle.payload.final])
          assert.ok(verdict.why.includes(path), verdict.why);
      }
    }
  });

  test(`by ${name}: a directory that was removed since is made again`, async () => {
    const scene = sceneOf();
    const handles = [await scene.stage(), await scene.stage()];
    for (const handle of handles) {
      await removed(scene, DIRECTORY);
      assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);
    }

    assert.equal(scene.textAt(handles[1]?.payload.final ?? ''), TEXT);
  });
}

test('safe mode is sat out, or tried again later', async () => {
  const scene = new Committing();
  const handles = await scene.stageMany(2);
  const [short, long] = handles as [PendingHandle<HdfsHandle>, PendingHandle<HdfsHandle>];
  scene.model.safeMode = true;
  scene.virtual.env.timers.after(5_000, () => {
    scene.model.safeMode = false;
  });

  assert.deepEqual(await scene.commit(short), [{ kind: 'committed' }]);
  scene.model.safeMode = true;
  const [verdict] = await scene.commit(long);

  assert.equal(verdict?.kind, 'retryLater');
  assert.equal(verdict.cause.code, 'HDFS_SAFE_MODE');
  scene.model.safeMode = false;
  assert.deepEqual(await scene.commit(long), [{ kind: 'committed' }]);
  assertVisible(scene, ...handles);
});

test('what the cluster refuses waits until it is mended, and is no loss', async () => {
  for (const [code, refuse, mend] of [
    ['HDFS_ACCESS_DENIED', (node) => (node.mode = 0o555), (node) => (node.mode = 0o755)],
    ['HDFS_QUOTA', (node) => (node.nameQuota = 1), (node) => (node.nameQuota = undefined)],
    ['HDFS_QUOTA', (node) => (node.spaceQuota = 1), (node) => (node.spaceQuota = undefined)],
  ] as [string, (node: DirectoryNode) => void, (node: DirectoryNode) => void][]) {
    const model = newModel({ superuser: 'root' });
    model.tree.addDirectories(model.tree.find('/data'), ['data'], 'hdfs', 0o755, 0);
    const scene = new Committing({ model });
    const handle = await scene.stage();
    refuse(directoryOf(scene));

    const [verdict] = await scene.commit(handle);

    assert.equal(verdict?.kind, 'retryLater');
    assert.equal(verdict.cause.code, code);
    assert.equal(scene.textAt(handle.payload.staged), TEXT);
    mend(directoryOf(scene));
    assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);
    assertVisible(scene, handle);
  }
});

test('a failure is its own handle’s alone, and verdicts come in the order of the handles', async () => {
  const scene = new Committing();
  const handles = await scene.stageMany(3);
  await removed(scene, handles[1]?.payload.staged as string);

  const verdicts = await scene.commit(...handles);

  assert.deepEqual(
    verdicts.map(({ kind }) => kind),
    ['committed', 'lost', 'committed'],
  );
});
