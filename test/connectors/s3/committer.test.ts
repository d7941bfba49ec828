import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../../testing/s3/errors.ts';
import type { Operation } from '../../../testing/s3/operations.ts';
import { Committing } from './support/committing.ts';
import { BUCKET, newModel } from './support/scene.ts';

const keyOf = ({ payload }: { payload: { key: string } }) => payload.key;
const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

/** A model that refuses the first requests of a kind. */
function refusing(operation: Operation, code: Parameters<typeof refusal>[0], times: number) {
  let left = times;
  return newModel({ intervene: (_, asked) => (asked === operation && left-- > 0 ? refusal(code) : undefined) });
}

test('a file of this incarnation costs one completion and one look', async () => {
  const scene = new Committing();
  const handle = await scene.stage();

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);

  assert.equal(scene.model.requestCounts.get('CompleteMultipartUpload'), 1);
  assert.equal(scene.model.requestCounts.get('HeadObject'), 1);
  assert.deepEqual(
    scene.model.objects(BUCKET).map(([key]) => key),
    [keyOf(handle)],
  );
});

test('a file of an older incarnation is looked at first', async () => {
  const scene = new Committing();
  const handle = await scene.stage({ epoch: 1 });
  await scene.commit(handle);

  assert.deepEqual(await scene.commit(handle), [{ kind: 'alreadyCommitted' }]);

  assert.equal(scene.model.requestCounts.get('CompleteMultipartUpload'), 1);
});

test('verdicts come in the order of their handles, and a failure is its own handle’s alone', async () => {
  const model = newModel({
    intervene: ({ path }, operation) =>
      operation === 'CompleteMultipartUpload' && path.includes('file-2') ? refusal('InternalError') : undefined,
  });
  const scene = new Committing({ model });
  const handles = [await scene.stage(), await scene.stage(), await scene.stage()];

  const verdicts = await scene.commit(...handles);

  assert.deepEqual(
    verdicts.map(({ kind }) => kind),
    ['committed', 'retryLater', 'committed'],
  );
});

test('at most 16 files are completed at a time', async () => {
  let now = 0;
  let most = 0;
  const scene = new Committing({
    exchange: async (_label, effect) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return effect();
    },
  });
  const handles = [];
  for (let file = 0; file < 40; file++) handles.push(await scene.stage());

  const verdicts = await scene.commit(...handles);

  assert.ok(verdicts.every(({ kind }) => kind === 'committed'));
  assert.equal(most, 16);
});

test('a completion whose response was lost is found again by its token', async () => {
  const scene = new Committing({
    exchange: async (label, effect) => {
      const answer = effect();
      if (label.startsWith('s3.Complete')) throw reset();
      return answer;
    },
  });

  assert.deepEqual(await scene.commit(await scene.stage()), [{ kind: 'committed' }]);
});

test('a completion that never arrived is asked for again', async () => {
  let cut = 0;
  const scene = new Committing({
    exchange: async (label, effect) => {
      if (label.startsWith('s3.Complete') && cut++ < 3) throw reset();
      return effect();
    },
  });

  assert.deepEqual(await scene.commitUntilSettled(await scene.stage()), { kind: 'committed' });
});

test('an error inside of a 200 says nothing, and the next try commits', async () => {
  const model = refusing('CompleteMultipartUpload', 'InternalError', 2);
  model.behaviour.completeErrorsInBody = true;
  const scene = new Committing({ model });

  assert.deepEqual(await scene.commitUntilSettled(await scene.stage()), { kind: 'committed' });
});

test('an empty 200 says nothing', async () => {
  let empty = 1;
  const scene = new Committing({
    exchange: async (label, effect) =>
      label.startsWith('s3.Complete') && empty-- > 0 ? { status: 200, headers: {}, body: Buffer.alloc(0) } : effect(),
  });

  assert.deepEqual(await scene.commitUntilSettled(await scene.stage()), { kind: 'committed' });
});

test('a store that says done and shows another object is not believed', async () => {
  const scene = new Committing({
    model: newModel({ behaviour: { unknownUploadCompletes: true, replayedComplete: 'sameAnswer' } }),
  });
  const handle = await scene.stage();
  const impostor = await scene.stage({ text: '{"a":2}\n' });
  await scene.commit(impostor);
  const theirs = scene.model.bucket(BUCKET).get(keyOf(impostor));
  assert.ok(theirs);
  scene.model.bucket(BUCKET).put(keyOf(handle), theirs);
  scene.model.expireUploads(BUCKET);

  const [verdict] = await scene.commit(handle);

  assert.equal(verdict?.kind, 'lost');
});

test('an object that is not ours is never overwritten by a file that was not tried before', async () => {
  const scene = new Committing();
  const handle = await scene.stage({ epoch: 1 });
  const other = await scene.stage();
  await scene.commit(other);
  const theirs = scene.model.bucket(BUCKET).get(keyOf(other));
  assert.ok(theirs);
  scene.model.bucket(BUCKET).put(keyOf(handle), theirs);

  const [verdict] = await scene.commit(handle);

  assert.equal(verdict?.kind, 'retryLater');
  assert.equal(verdict.cause.code, 'S3_TARGET_OCCUPIED');
  assert.equal(scene.model.bucket(BUCKET).get(keyOf(handle)), theirs);
  assert.equal(scene.model.uploads(BUCKET).length, 1, 'and what was staged is still there');
});

test('what is nowhere for a minute is lost, with bucket, key and upload', async () => {
  const scene = new Committing();
  const handle = await scene.stage();
  scene.model.expireUploads(BUCKET);

  const [first] = await scene.commit(handle);
  assert.equal(first?.kind, 'retryLater');
  await scene.env.advance(58_000);
  assert.equal((await scene.commit(handle))[0]?.kind, 'retryLater');
  await scene.env.advance(3_000);
  const [last] = await scene.commit(handle);

  assert.equal(last?.kind, 'lost');
  for (const part of [BUCKET, keyOf(handle), handle.payload.uploadId]) assert.ok(last.why.includes(part), last.why);
  assert.ok(!last.why.includes('lifecycle'), last.why);
});

test('what appears within the minute was being put together', async () => {
  const scene = new Committing();
  const [handle, model] = [await scene.stage(), scene.model];
  const [upload] = model.uploads(BUCKET);
  assert.ok(upload);
  // The store has taken the upload, and shows the object only later.
  model.bucket(BUCKET).uploads.delete(upload.id);
  const committing = scene.commitUntilSettled(handle);
  model.bucket(BUCKET).uploads.set(upload.id, upload);

  assert.equal((await committing).kind, 'committed');
});

test('an upload that was there for a day and is gone was most likely expired by a lifecycle rule', async () => {
  const scene = new Committing();
  const handle = await scene.stage({ epoch: 1 });
  await scene.env.run(scene.env.env.timers.sleep(3 * 86_400_000), { limitMs: 4 * 86_400_000 });
  scene.model.expireUploads(BUCKET);

  const verdict = await scene.commitUntilSettled(handle);

  assert.equal(verdict.kind, 'lost');
  assert.match(verdict.why, /begun 3 day\(s\) ago/);
  assert.match(verdict.why, /AbortIncompleteMultipartUpload/);
});

test('with takenByReaders: assume a consumed upload is proof enough, at once', async () => {
  const scene = new Committing({
    takenByReaders: 'assume',
    exchange: async (label, effect) => {
      const answer = effect();
      // A reader that is faster than our look.
      if (label.startsWith('s3.Complete')) scene.model.bucket(BUCKET).delete(label.split('lake/')[1] as string);
      return answer;
    },
  });
  const handle = await scene.stage();

  assert.deepEqual(await scene.commit(handle), [{ kind: 'alreadyCommitted' }]);
  assert.deepEqual(await scene.commit({ ...handle, epoch: 1 }), [{ kind: 'alreadyCommitted' }]);
});

test('a part that was sent twice under another ETag is found to be the same, and completed', async () => {
  const scene = new Committing({ model: newModel({ behaviour: { opaqueETags: true } }) });
  const handle = await scene.stage({ text: 'x'.repeat(6 * 1024 * 1024) });
  const [upload] = scene.model.uploads(BUCKET);
  const part = upload?.parts.get(1);
  assert.ok(part);
  // The first attempt of an encrypted part arrives after the second one.
  upload?.parts.set(1, { ...part, etag: 'ffffffffffffffffffffffffffffffff' });

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);
});

test('parts that are not what was sent are lost in the end, even if readers may take files', async () => {
  const scene = new Committing({ takenByReaders: 'assume' });
  const handle = await scene.stage();
  const [upload] = scene.model.uploads(BUCKET);
  const part = upload?.parts.get(1);
  assert.ok(part);
  upload?.parts.set(1, { ...part, body: Buffer.from('torn'), etag: 'eeee', crc32: 'AAAAAA==' });

  const verdict = await scene.commitUntilSettled(handle);

  assert.equal(verdict.kind, 'lost');
  assert.match(verdict.why, /not the ones that were sent/);
});

test('missing permissions wait, naming the action, and are never a loss', async () => {
  for (const action of ['s3:PutObject', 's3:GetObject'] as const) {
    const scene = new Committing();
    const handle = await scene.stage();
    scene.model.denied.add(action);

    const verdict = await scene.commitUntilSettled(handle, { limitMs: 120_000 });

    assert.equal(verdict.kind, 'retryLater');
    assert.equal(verdict.cause.code, 'S3_ACCESS_DENIED');
    assert.ok(verdict.cause.help?.includes(action), verdict.cause.help);
    scene.model.denied.clear();
    assert.match((await scene.commitUntilSettled(handle)).kind, /ommitted/);
  }
});

test('a bucket that is deleted while running makes commits wait, and nothing lost', async () => {
  const scene = new Committing();
  const handle = await scene.stage();
  scene.model.deleteBucket(BUCKET);

  const verdict = await scene.commitUntilSettled(handle, { limitMs: 120_000 });

  assert.equal(verdict.kind, 'retryLater');
  assert.equal(verdict.cause.code, 'S3_NO_SUCH_BUCKET');
});

test('who may not list is not told that an object is missing, and asks by a listing', async () => {
  // A policy with a condition on s3:prefix: reads of what is missing are refused, listings below the prefix are not.
  const model = newModel({
    intervene: ({ method, path }, operation) =>
      operation === 'HeadObject' &&
      method === 'HEAD' &&
      model.bucket(BUCKET).get(path.slice(`/${BUCKET}/`.length)) === undefined
        ? refusal('AccessDenied')
        : undefined,
  });
  const scene = new Committing({ model });
  const handle = await scene.stage({ epoch: 1 });

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);
});

test('a store that asks to come slower makes the next requests wait', async () => {
  const scene = new Committing({ model: refusing('CompleteMultipartUpload', 'SlowDown', 1) });
  const handle = await scene.stage();
  assert.equal((await scene.commit(handle))[0]?.kind, 'retryLater');
  const beforeMs = scene.env.nowMs;

  assert.deepEqual(await scene.commit(handle), [{ kind: 'committed' }]);

  assert.ok(scene.env.nowMs > beforeMs, 'it waited');
});
