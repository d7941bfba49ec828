import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPartName } from '../../../connectors/filesink/part-name.ts';
import type { S3Handle } from '../../../connectors/s3/handle.ts';
import type { OrphanScope, PendingHandle } from '../../../core/contract/sink.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Model } from '../../../testing/s3/model.ts';
import { Committing, EPOCH, OWNER } from './support/committing.ts';
import { apiOn, BUCKET, newModel, sinkOn } from './support/scene.ts';

const SCOPE: OrphanScope = { ...OWNER, epochBelow: EPOCH };
const signal = new AbortController().signal;

async function begin(model: S3Model, key: string): Promise<string> {
  return await apiOn(model).createUpload({ bucket: BUCKET, key }, { metadata: {}, attributes: {} });
}

function keyOf({ epoch = 1, counter = 1, root = 'raw/t/', ...owner } = {}): string {
  return `${root}${formatPartName({ ...OWNER, ...owner, epoch, counter, extension: 'ndjson' })}`;
}

const keysLeft = (model: S3Model) => model.uploads(BUCKET).map(({ key }) => key);

test('only uploads of older epochs of this very owner are aborted', async () => {
  const scene = new Committing();
  const others = [
    keyOf({ epoch: 5 }),
    keyOf({ epoch: 6 }),
    keyOf({ pipeline: 'q' } as object),
    keyOf({ pipeline: 'p-2' } as object),
    keyOf({ lineage: 'fedcba9876543210' } as object),
    keyOf({ layout: 2 } as object),
    keyOf({ shard: 1 } as object),
    keyOf({ root: 'other/t/' }),
    'raw/t/somebody-elses.ndjson',
    'raw/t/',
  ];
  for (const key of others) await begin(scene.model, key);
  const orphans = [keyOf({ epoch: 1 }), keyOf({ epoch: 4 }), keyOf({ epoch: 4, root: 'raw/u/' })];
  for (const key of orphans) await begin(scene.model, key);

  const report = await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.deepEqual([...report.aborted].sort(), [...orphans].sort());
  assert.deepEqual(keysLeft(scene.model).sort(), [...others].sort());
  assert.equal(report.kept, 2);
});

test('an upload that a retained slot names is kept, a second one for the same key is not', async () => {
  const scene = new Committing();
  const handle = await scene.stage({ epoch: 1 });
  const key = keyOf();
  const [named, forgotten] = [await begin(scene.model, key), await begin(scene.model, key)];
  const keep = [{ ...handle, payload: { ...handle.payload, key, uploadId: named } }];

  await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: keep, open: [] }, { signal }));

  const left = scene.model.uploads(BUCKET).map(({ id }) => id);
  assert.ok(left.includes(named));
  assert.ok(!left.includes(forgotten));
});

test('thousands of orphans are found page by page, and aborted no faster than 50 a second', async () => {
  const scene = new Committing();
  for (let counter = 0; counter < 1_200; counter++) await begin(scene.model, keyOf({ counter }));

  const { aborted } = await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.equal(aborted.length, 1_200);
  assert.deepEqual(keysLeft(scene.model), []);
  assert.ok(scene.env.nowMs >= 24_000, `${scene.env.nowMs} ms`);
});

test('what cannot be aborted now is kept, said, and aborted the next time', async () => {
  const scene = new Committing();
  await begin(scene.model, keyOf());
  scene.model.denied.add('s3:AbortMultipartUpload');
  const sweep = () => scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  const first = await sweep();
  scene.model.denied.clear();
  const second = await sweep();

  assert.deepEqual(first.aborted, []);
  assert.deepEqual(second.aborted, [keyOf()]);
  assert.ok(scene.env.lines.some((line) => line.includes('could not be aborted')));
});

test('tails that may not be deleted are a warning, and uploads are aborted all the same', async () => {
  const model = newModel({
    intervene: (_, operation) => (operation === 'DeleteObject' ? refusal('AccessDenied') : undefined),
  });
  const scene = new Committing({ model });
  await begin(model, keyOf());
  const tail = keyOf({ root: 'raw/_sluice/_tails/' }).replace(/ndjson$/, 'tail');
  await apiOn(model).putIfAbsent({ bucket: BUCKET, key: tail }, Buffer.from('x'));

  const { aborted } = await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.deepEqual(aborted, [keyOf()]);
  assert.ok(scene.env.lines.some((line) => line.includes('tails') && line.includes('s3:DeleteObject')));
});

test('an upload that somebody else has aborted meanwhile is done', async () => {
  const model = newModel({
    intervene: (_, operation) => (operation === 'AbortMultipartUpload' ? refusal('NoSuchUpload') : undefined),
  });
  const scene = new Committing({ model });
  await begin(model, keyOf());

  const { aborted } = await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.equal(aborted.length, 1);
});

test('a store that does not list uploads by prefix is noticed and named once', async () => {
  const scene = new Committing({ model: newModel({ behaviour: { uploadsListedFor: 'exactKey' } }) });
  for (let sweep = 0; sweep < 3; sweep++)
    await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  const advice = scene.env.lines.filter((line) => line.includes('AbortIncompleteMultipartUpload'));
  assert.equal(advice.length, 1);
  assert.deepEqual(keysLeft(scene.model), [], 'and the upload that showed it is gone');
});

test('a store that lists them is not warned about', async () => {
  const scene = new Committing();

  await scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal }));

  assert.deepEqual(scene.env.lines, []);
  assert.deepEqual(keysLeft(scene.model), []);
});

test('the upload that tests the listing is an orphan itself when its process dies', async () => {
  let isDead = false;
  const scene = new Committing({
    exchange: async (label, effect) => {
      if (isDead) throw new Error('dead');
      const answer = effect();
      isDead ||= label.startsWith('s3.CreateMultipartUpload');
      return answer;
    },
  });
  await assert.rejects(scene.env.run(scene.committer.abortOrphans(SCOPE, { handles: [], open: [] }, { signal })));
  const [probe] = keysLeft(scene.model);
  assert.match(probe as string, /_sluice.*probe$/);

  const next = new Committing({ model: scene.model });
  const scope = { ...SCOPE, epochBelow: EPOCH + 1 };
  await next.env.run(next.committer.abortOrphans(scope, { handles: [], open: [] }, { signal }));

  assert.ok(!keysLeft(scene.model).includes(probe as string));
});

// The dry run.

const listOn = (scene: Committing, handles: PendingHandle<S3Handle>[] = [], input = {}) =>
  scene.env.run(sinkOn(scene.model, input).listOrphans(SCOPE, { handles, open: [] }, { env: scene.env.env, signal }));

const changesMade = ({ requestCounts }: S3Model) =>
  [...requestCounts].filter(([operation]) => !/^(List|Head|Get)/.test(operation)).map(([operation]) => operation);

test('a dry run names exactly what is then aborted, and changes nothing', async () => {
  const scene = new Committing();
  const handle = await scene.stage({ epoch: 1 });
  const key = keyOf();
  const named = await begin(scene.model, key);
  const keep = [{ ...handle, payload: { ...handle.payload, key, uploadId: named } }];
  for (const other of [key, keyOf({ epoch: 4 }), keyOf({ epoch: 5 }), keyOf({ shard: 1 } as object), 'raw/t/x'])
    await begin(scene.model, other);
  const before = scene.model.uploads(BUCKET).map(({ id }) => id);
  scene.model.requestCounts.clear();

  const listing = await listOn(scene, keep);

  assert.deepEqual(changesMade(scene.model), []);
  assert.deepEqual(
    scene.model.uploads(BUCKET).map(({ id }) => id),
    before,
  );
  assert.equal(listing.kept, 2);
  assert.equal(listing.blindness, undefined);
  const { aborted, kept } = await scene.env.run(
    scene.committer.abortOrphans(SCOPE, { handles: keep, open: [] }, { signal }),
  );
  assert.deepEqual(
    listing.orphans.map(({ place }) => place),
    aborted.map((one) => `s3:${BUCKET}/${one}`),
  );
  assert.equal(kept, listing.kept);
  assert.ok(!listing.orphans.some(({ id }) => id === named));
});

test('a dry run tells the epoch, the age and the bytes of an orphan', async () => {
  const scene = new Committing();
  const api = apiOn(scene.model);
  const key = keyOf({ epoch: 3 });
  const uploadId = await begin(scene.model, key);
  await api.uploadPart({ bucket: BUCKET, key, uploadId, number: 1 }, Buffer.alloc(700));
  await api.uploadPart({ bucket: BUCKET, key, uploadId, number: 2 }, Buffer.alloc(34));

  const { orphans } = await listOn(scene);

  const stagedAtMs = Math.floor((scene.model.uploads(BUCKET)[0]?.initiatedMs ?? 0) / 1000) * 1000;
  const [orphan] = orphans;
  assert.deepEqual(
    { ...orphan, stagedAtMs: Math.floor((orphan?.stagedAtMs ?? 0) / 1000) * 1000 },
    { place: `s3:${BUCKET}/${key}`, id: uploadId, epoch: 3, bytes: 734, stagedAtMs },
  );
});

test('how long an orphan is stays open where its parts may not be listed', async () => {
  const scene = new Committing();
  await begin(scene.model, keyOf());
  scene.model.denied.add('s3:ListMultipartUploadParts');

  assert.equal((await listOn(scene)).orphans[0]?.bytes, undefined);
});

test('where nothing is to be seen, one upload that is begun and aborted tells a store that hides them', async () => {
  for (const [uploadsListedFor, isBlind] of [
    ['prefix', false],
    ['exactKey', true],
  ] as const) {
    const scene = new Committing({ model: newModel({ behaviour: { uploadsListedFor } }) });
    if (isBlind) await begin(scene.model, keyOf());
    const before = keysLeft(scene.model);

    const { orphans, blindness } = await listOn(scene);

    assert.deepEqual(orphans, []);
    assert.deepEqual(keysLeft(scene.model), before, 'the probe is gone again');
    assert.equal(blindness !== undefined, isBlind);
    if (isBlind) assert.match(blindness?.help ?? '', /AbortIncompleteMultipartUpload/);
  }
});

test('the upload that a dry run begins is an orphan to the instance after the newest', async () => {
  const scene = new Committing();
  scene.model.denied.add('s3:AbortMultipartUpload');
  await listOn(scene);
  scene.model.denied.clear();
  const [probe] = keysLeft(scene.model);
  assert.match(probe as string, /_sluice.*probe$/);

  const next = { ...SCOPE, epochBelow: EPOCH + 1 };
  const { aborted } = await scene.env.run(scene.committer.abortOrphans(next, { handles: [], open: [] }, { signal }));

  assert.ok(aborted.includes(probe as string));
});

test('a store that may not be asked for uploads is refused with the permission to give', async () => {
  const scene = new Committing();
  scene.model.denied.add('s3:ListBucketMultipartUploads');

  await assert.rejects(listOn(scene), {
    kind: 'config',
    code: 'S3_ACCESS_DENIED',
    help: /s3:ListBucketMultipartUploads/,
  });
});
