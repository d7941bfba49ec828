import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPartName } from '../../../connectors/filesink/part-name.ts';
import type { OrphanScope } from '../../../core/contract/sink.ts';
import { refusal } from '../../../testing/hdfs/errors.ts';
import { Committing } from './support/committing.ts';
import { cut, newModel, ROOT, stagedIn } from './support/scene.ts';

const PAIR = { nameNodes: ['http://nn1.test:9870', 'http://nn2.test:9870'] };
const isRename = (label: string) => label.startsWith('hdfs.RENAME');
const renames = ({ model }: Committing) => model.requestCounts.get('nameNode.RENAME') ?? 0;

/** Pulls the plug of every NameNode, and has the second one active after a while. */
function powerCut({ model, virtual }: Committing, downMs: number): void {
  for (const nameNode of model.nameNodes) nameNode.state = 'down';
  virtual.env.timers.after(downMs, () => model.activate(1));
}

test('a minute without any NameNode is a reason to come again', async () => {
  const scene = new Committing({ model: newModel(PAIR) });
  const handles = await scene.stageMany(16);
  powerCut(scene, 60_000);

  const verdicts = await scene.commit(...handles);

  for (const verdict of verdicts) {
    assert.equal(verdict.kind, 'retryLater');
    assert.equal(verdict.cause.code, 'HDFS_UNREACHABLE');
  }
  for (const handle of handles) assert.deepEqual(await scene.commitUntilSettled(handle), { kind: 'committed' });
  assert.deepEqual(stagedIn(scene.model), []);
});

test('a failover amid a commit goes on at the other one', async () => {
  for (const downState of ['standby', 'down'] as const) {
    let left = 5;
    const model = newModel(PAIR);
    const scene = new Committing({
      model,
      call: (label, effect) => {
        if (isRename(label) && left-- === 0) {
          model.activate(1);
          Object.assign(model.nameNodes[0] as object, { state: downState });
        }
        return effect();
      },
    });
    const handles = await scene.stageMany(20);

    const verdicts = await scene.commit(...handles);

    assert.deepEqual(new Set(verdicts.map(({ kind }) => kind)), new Set(['committed']));
    assert.deepEqual(stagedIn(model), []);
  }
});

test('a NameNode that renames and dies is not asked again: the other one shows what it did', async () => {
  const model = newModel(PAIR);
  let hasDied = false;
  const scene = new Committing({
    model,
    call: async (label, effect) => {
      const answer = await effect();
      if (!isRename(label) || hasDied) return answer;
      hasDied = true;
      Object.assign(model.nameNodes[0] as object, { state: 'down' });
      scene.virtual.env.timers.after(8_000, () => model.activate(1));
      throw cut();
    },
  });
  const handle = await scene.stage();

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);

  assert.equal(renames(scene), 1);
  assert.equal(scene.textAt(handle.payload.final), '{"a":1}\n');
});

test('at most 16 files are renamed at a time', async () => {
  let now = 0;
  let most = 0;
  const scene = new Committing({
    call: async (_label, effect) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return effect();
    },
  });

  await scene.commit(...(await scene.stageMany(40)));

  assert.equal(most, 16);
});

test('a commit that is called off rejects with the reason, and renames nothing more', async () => {
  const why = new Error('the incarnation is over');
  const scene = new Committing({
    call: async (label, effect) => {
      if (isRename(label) && renames(scene) === 3) scene.controller.abort(why);
      return effect();
    },
  });
  const handles = await scene.stageMany(40);

  await assert.rejects(scene.commit(...handles), (error) => error === why);

  await scene.virtual.advance(120_000);
  assert.ok(renames(scene) <= 3 + 16, `${renames(scene)} renames: those that were under way`);
  assert.equal(stagedIn(scene.model).length, 40 - renames(scene), 'and each of them is whole');
});

test('a commit that waits for the cluster is called off at once', async () => {
  const why = new Error('the incarnation is over');
  // While the rename waits, and while the directory is made again after it.
  for (const atMs of [10_000, 30_000]) {
    const scene = new Committing();
    const handle = await scene.stage();
    scene.model.safeMode = true;
    scene.virtual.env.timers.after(atMs, () => scene.controller.abort(why));

    await assert.rejects(scene.commit(handle), (error) => error === why);

    assert.equal(scene.virtual.nowMs, atMs);
  }
});

const OWNER = { pipeline: 'p', lineage: '0123456789abcdef', layout: 1, shard: 0 };
const SCOPE: OrphanScope = { ...OWNER, epochBelow: 5 };
const partName = (epoch: number, { shard = 0, counter = 1 } = {}) =>
  formatPartName({ ...OWNER, shard, epoch, counter, extension: 'ndjson' });
const { signal } = new AbortController();

test('only what older epochs of this very owner staged, and no slot names, is removed', async () => {
  const scene = new Committing();
  const named = await scene.stage({ name: partName(3) });
  const others = [partName(5), partName(6), partName(1, { shard: 1 }), 'somebody-elses.ndjson'];
  for (const name of [...others, partName(1), partName(4)]) await scene.stage({ name });

  const report = await scene.virtual.run(
    scene.committer.abortOrphans(SCOPE, { handles: [named], open: [] }, { signal }),
  );

  assert.deepEqual([...report.aborted].sort(), [partName(1), partName(4)]);
  assert.equal(report.kept, 3);
  const left = [...others, partName(3)].map((name) => `${ROOT}/.staging/${name}`);
  assert.deepEqual(stagedIn(scene.model), left.sort());
});

test('an orphan that cannot be removed is kept, counted and logged, and the others are removed', async () => {
  const stuck = partName(2);
  const model = newModel({
    intervene: (_, label) =>
      label === `hdfs.DELETE ${ROOT}/.staging/${stuck}`
        ? refusal('AccessControlException', 'Permission denied: user=hdfs')
        : undefined,
  });
  const scene = new Committing({ model });
  for (const name of [partName(1), stuck, partName(3)]) await scene.stage({ name });

  const report = await scene.virtual.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.deepEqual([...report.aborted].sort(), [partName(1), partName(3)]);
  assert.equal(report.kept, 1);
  assert.deepEqual(stagedIn(model), [`${ROOT}/.staging/${stuck}`]);
  const [line, ...more] = scene.virtual.lines.filter((text) => text.startsWith('warn'));
  assert.match(line ?? '', /could not be removed.*Permission denied/);
  assert.deepEqual(more, []);
});

test('a sweep where nothing was ever staged finds nothing', async () => {
  const { virtual, committer } = new Committing();

  const report = await virtual.run(committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.deepEqual(report, { aborted: [], kept: 0 });
});

test('a sweep that is called off rejects with the reason, and removes nothing more', async () => {
  const why = new Error('the incarnation is over');
  const controller = new AbortController();
  const removals = () => scene.model.requestCounts.get('nameNode.DELETE') ?? 0;
  const scene = new Committing({
    call: async (label, effect) => {
      if (label.startsWith('hdfs.DELETE') && removals() === 3) controller.abort(why);
      return effect();
    },
  });
  for (let counter = 0; counter < 40; counter++) await scene.stage({ name: partName(1, { counter }) });

  const sweeping = scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal: controller.signal });
  await assert.rejects(scene.virtual.run(sweeping), (error) => error === why);

  await scene.virtual.advance(120_000);
  assert.ok(removals() <= 3 + 16, `${removals()} removals: those that were under way`);
  assert.equal(stagedIn(scene.model).length, 40 - removals());
});
