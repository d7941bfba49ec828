import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../../testing/hdfs/errors.ts';
import type { HdfsModel } from '../../../testing/hdfs/model.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { clientOn, newModel } from './support/scene.ts';
import { bench, STAGED } from './support/staging.ts';

/** How often the file is looked at while its DataNode is silent. */
const LOOK_MS = 5_000;
const CLOSE = `hdfs.CREATE ${STAGED} close`;
const LOOK = `hdfs.GETFILESTATUS ${STAGED}`;

/** A DataNode that says nothing to the end of the part; `meanwhile` happens after the first look has seen the file. */
const silence = (meanwhile: () => unknown): Interpose => {
  let looksSinceClose: number | undefined;
  return async (label, effect) => {
    if (label === CLOSE) {
      looksSinceClose = 0;
      return new Promise<never>(() => {});
    }
    const answer = await effect();
    if (label === LOOK && looksSinceClose !== undefined && ++looksSinceClose === 1) await meanwhile();
    return answer;
  };
};

async function closing(scene: ReturnType<typeof bench>) {
  const part = await scene.open();
  await part.append([Buffer.from('{"a":1}\n')]);
  return { part, closed: part.close() };
}

const looks = (model: HdfsModel) => model.requestCounts.get('nameNode.GETFILESTATUS') ?? 0;

test('a part whose file was removed fails with the next look, however long its DataNode is silent', async () => {
  const model = newModel();
  const scene = bench({ model, call: silence(() => clientOn(model).delete(STAGED)) });
  const { part, closed } = await closing(scene);

  await scene.virtual.run(assert.rejects(closed, { code: 'HDFS_NOT_AS_WRITTEN', message: /it is gone/ }));

  assert.equal(scene.virtual.nowMs, 2 * LOOK_MS);
  await part[Symbol.asyncDispose]();
});

test('a file that its DataNode begins late is waited for, however often it is looked for', async () => {
  const begunAtMs = 3.5 * LOOK_MS;
  const model = newModel({
    intervene: (_, label) =>
      label === LOOK && scene.virtual.nowMs < begunAtMs
        ? refusal('FileNotFoundException', `File does not exist: ${STAGED}`)
        : undefined,
  });
  const scene = bench({
    model,
    call: async (label, effect) => {
      if (label === CLOSE) await scene.virtual.env.timers.sleep(begunAtMs);
      return effect();
    },
  });
  const { part, closed } = await closing(scene);

  assert.equal((await scene.virtual.run(closed)).bytes, 8);
  await part[Symbol.asyncDispose]();
});

test('a look that is refused is none: a later one tells that the file is gone', async () => {
  const failures = 3;
  let left = failures;
  const model = newModel({
    intervene: (_, label) =>
      label === LOOK && looks(model) > 1 && left-- > 0
        ? refusal('AccessControlException', 'Permission denied: user=hdfs')
        : undefined,
  });
  const scene = bench({ model, call: silence(() => clientOn(model).delete(STAGED)) });
  const { part, closed } = await closing(scene);

  await scene.virtual.run(assert.rejects(closed, { code: 'HDFS_NOT_AS_WRITTEN' }));

  assert.equal(scene.virtual.nowMs, (failures + 2) * LOOK_MS);
  await part[Symbol.asyncDispose]();
});

test('a NameNode that is away for minutes amid the silence is asked when it is back', async () => {
  const model = newModel();
  const scene = bench({
    model,
    call: silence(async () => {
      await clientOn(model).delete(STAGED);
      Object.assign(model.nameNodes[0] as object, { state: 'down' });
      scene.virtual.env.timers.after(300_000, () => model.activate(0));
    }),
  });
  const { part, closed } = await closing(scene);

  await scene.virtual.run(assert.rejects(closed, { code: 'HDFS_NOT_AS_WRITTEN' }));

  assert.ok(scene.virtual.nowMs >= 300_000 && scene.virtual.nowMs < 330_000, `${scene.virtual.nowMs}`);
  await part[Symbol.asyncDispose]();
});

test('a file that is there is waited for, and no longer looked after once its end is answered', async () => {
  const model = newModel();
  const scene = bench({
    model,
    call: async (label, effect) => {
      if (label === CLOSE) await scene.virtual.env.timers.sleep(2.5 * LOOK_MS);
      return effect();
    },
  });
  const { part, closed } = await closing(scene);

  const before = looks(model);
  assert.equal((await scene.virtual.run(closed)).bytes, 8);

  assert.equal(looks(model) - before, 3, 'two while it waits, and the one at its length');
  await scene.virtual.advance(10 * LOOK_MS);
  assert.equal(looks(model) - before, 3);
  await part[Symbol.asyncDispose]();
});

test('a part that is given up is no longer looked after, be it amid a pause or amid a look', async () => {
  for (const [afterMs, isAsked] of [
    [LOOK_MS / 2, false],
    [LOOK_MS, true],
  ] as const) {
    let asked = 0;
    const model = newModel();
    const call: Interpose = (label, effect) =>
      label === CLOSE || (label === LOOK && ++asked > 0) ? new Promise<never>(() => {}) : effect();
    const scene = bench({ model, call });
    const { part, closed } = await closing(scene);
    const failed = assert.rejects(closed);
    await scene.virtual.advance(afterMs);
    const atMs = scene.virtual.nowMs;

    scene.controller.abort(new Error('the incarnation is over'));
    await scene.virtual.run(Promise.all([failed, part[Symbol.asyncDispose]()]));

    assert.equal(scene.virtual.nowMs, atMs);
    await scene.virtual.advance(10 * LOOK_MS);
    assert.equal(asked, isAsked ? 1 : 0);
  }
});
