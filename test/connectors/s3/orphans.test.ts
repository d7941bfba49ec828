import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPartName } from '../../../connectors/filesink/part-name.ts';
import type { OrphanScope } from '../../../core/contract/sink.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Model } from '../../../testing/s3/model.ts';
import { Committing, EPOCH, OWNER } from './support/committing.ts';
import { apiOn, BUCKET, newModel } from './support/scene.ts';

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

  const report = await scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

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

  await scene.env.run(scene.committer.abortOrphans(SCOPE, keep, { signal }));

  const left = scene.model.uploads(BUCKET).map(({ id }) => id);
  assert.ok(left.includes(named));
  assert.ok(!left.includes(forgotten));
});

test('thousands of orphans are found page by page, and aborted no faster than 50 a second', async () => {
  const scene = new Committing();
  for (let counter = 0; counter < 1_200; counter++) await begin(scene.model, keyOf({ counter }));

  const { aborted } = await scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

  assert.equal(aborted.length, 1_200);
  assert.deepEqual(keysLeft(scene.model), []);
  assert.ok(scene.env.nowMs >= 24_000, `${scene.env.nowMs} ms`);
});

test('what cannot be aborted now is kept, said, and aborted the next time', async () => {
  const scene = new Committing();
  await begin(scene.model, keyOf());
  scene.model.denied.add('s3:AbortMultipartUpload');
  const sweep = () => scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

  const first = await sweep();
  scene.model.denied.clear();
  const second = await sweep();

  assert.deepEqual(first.aborted, []);
  assert.deepEqual(second.aborted, [keyOf()]);
  assert.ok(scene.env.lines.some((line) => line.includes('could not be aborted')));
});

test('an upload that somebody else has aborted meanwhile is done', async () => {
  const model = newModel({
    intervene: (_, operation) => (operation === 'AbortMultipartUpload' ? refusal('NoSuchUpload') : undefined),
  });
  const scene = new Committing({ model });
  await begin(model, keyOf());

  const { aborted } = await scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

  assert.equal(aborted.length, 1);
});

test('a store that does not list uploads by prefix is noticed and named once', async () => {
  const scene = new Committing({ model: newModel({ behaviour: { uploadsListedFor: 'exactKey' } }) });
  for (let sweep = 0; sweep < 3; sweep++) await scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

  const advice = scene.env.lines.filter((line) => line.includes('AbortIncompleteMultipartUpload'));
  assert.equal(advice.length, 1);
  assert.deepEqual(keysLeft(scene.model), [], 'and the upload that showed it is gone');
});

test('a store that lists them is not warned about', async () => {
  const scene = new Committing();

  await scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal }));

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
  await assert.rejects(scene.env.run(scene.committer.abortOrphans(SCOPE, [], { signal })));
  const [probe] = keysLeft(scene.model);
  assert.match(probe as string, /_sluice.*probe$/);

  const next = new Committing({ model: scene.model });
  const scope = { ...SCOPE, epochBelow: EPOCH + 1 };
  await next.env.run(next.committer.abortOrphans(scope, [], { signal }));

  assert.ok(!keysLeft(scene.model).includes(probe as string));
});
