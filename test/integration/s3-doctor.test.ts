import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sluice } from '../cli/sluice.ts';
import { skipWithoutS3, testBucket } from '../services/s3.ts';
import { BUCKET, enforcingStores } from './enforcing.ts';
import { actionsOf, documentedPolicies, without } from './policies.ts';

const { data, state } = documentedPolicies();

/** A folder with a pipeline that makes 100 records; the values of `sink` and `store` without their type. */
function pipeline(t: TestContext, sink: object, store: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-doctor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const settings = {
    name: 'clicks',
    source: { type: 'datagen', partitions: 2, count: 100 },
    sink: { type: 's3', format: 'ndjson', ...sink },
    checkpoints: { interval: '200ms', store: { type: 's3', ...store } },
  };
  writeFileSync(join(folder, 'p.yaml'), JSON.stringify(settings));
  return folder;
}

test('on a real server doctor finds no problem, ends by itself and leaves nothing', {
  skip: skipWithoutS3,
}, async (t) => {
  const { name: bucket, place, ...real } = await realBucket(t);
  const { endpoint, ...credentials } = place;
  const where = { bucket, endpoint, credentials };
  const folder = pipeline(t, { ...where, prefix: 'raw' }, { ...where, prefix: '_sluice' });

  const { code, stdout, stderr } = await sluice(t, folder, ['doctor', 'p.yaml']).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout);
  assert.match(stdout, /ok {7}uploads are listed by prefix/);
  assert.match(stdout, /ok {7}the clocks of store and machine agree/);
  assert.match(stdout, /ok {7}of 8 creates of one key at once one wins/);
  assert.match(stdout, /ok {7}allowed: s3:ListBucket, s3:PutObject, s3:GetObject, s3:DeleteObject/);
  assert.deepEqual([await real.keys(), await real.uploads()], [[], []]);
});

test('on a real server orphans list shows an upload of an older run and nothing else', {
  skip: skipWithoutS3,
}, async (t) => {
  const { name: bucket, place, ...real } = await realBucket(t);
  const { endpoint, ...credentials } = place;
  const where = { bucket, endpoint, credentials };
  const folder = pipeline(t, { ...where, prefix: 'raw' }, { ...where, prefix: '_sluice' });
  const ran = await sluice(t, folder, ['run', 'p.yaml']).ended;
  assert.equal(ran.code, 0, ran.stderr);
  const { lineage } = JSON.parse(await real.text('raw/_sluice/clicks.json'));
  const none = await sluice(t, folder, ['orphans', 'list', 'p.yaml']).ended;
  const orphan = `raw/datagen/clicks-${lineage}-l1s0-000000000000-00000007.ndjson`;
  const uploads = [orphan, orphan.replace('l1s0', 'l1s1'), 'raw/datagen/by-hand'];
  const [begun] = await Promise.all(uploads.map((key) => real.startUpload(key)));
  const before = { keys: await real.keys(), uploads: await real.uploads() };

  const { code, stdout, stderr } = await sluice(t, folder, ['orphans', 'list', 'p.yaml']).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(none.stdout, 'no orphans: no earlier run has left anything behind\n');
  const [, row, ...rest] = stdout.split('\n');
  assert.ok(row?.includes(`s3:${bucket}/${orphan}`) && row.includes(begun?.uploadId as string), stdout);
  assert.match(rest.join('\n'), /^\n1 orphan, 0 B, which no reader sees\.\n/);
  assert.deepEqual({ keys: await real.keys(), uploads: await real.uploads() }, before);
});

async function realBucket(t: TestContext) {
  const bucket = await testBucket(t);
  return {
    name: bucket.name,
    place: bucket.place,
    keys: () => bucket.keys(),
    text: (key: string) => bucket.text(key),
    uploads: () => bucket.uploads(),
    startUpload: (key: string) => bucket.startUpload(key),
  };
}

for (const [name, storeOf] of enforcingStores) {
  test(`under the policies of the README doctor finds no problem on ${name}; each action that is missing it names`, async (t) => {
    const store = await storeOf(t);
    if (store === undefined) return;
    await store.put('raw/clicks/t/file', '{}\n');
    const where = { bucket: BUCKET, region: 'us-east-1', endpoint: store.endpoint };
    const diagnose = async (policies: { data: typeof data; state: typeof state }) => {
      const folder = pipeline(
        t,
        { ...where, prefix: 'raw/clicks', credentials: await store.keysFor(policies.data) },
        { ...where, prefix: '_sluice', credentials: await store.keysFor(policies.state) },
      );
      return await sluice(t, folder, ['doctor', 'p.yaml']).ended;
    };

    const whole = await diagnose({ data, state });
    assert.equal(whole.code, 0, whole.stdout);
    assert.doesNotMatch(whole.stdout, /denied/);
    assert.deepEqual(await store.keys(), ['raw/clicks/t/file']);
    const cases = [
      ...actionsOf(data).map((action) => ({ action, on: 'raw/clicks', data: without(action, data), state })),
      ...actionsOf(state).map((action) => ({ action, on: '_sluice', data, state: without(action, state) })),
    ];
    for (const { action, on, ...policies } of cases) {
      const { code, stdout } = await diagnose(policies);
      const resource = /Bucket/.test(action) ? `arn:aws:s3:::${BUCKET}` : `arn:aws:s3:::${BUCKET}/${on}/*`;
      assert.ok(stdout.includes(`${action} denied on ${resource}: `), `without ${action} on ${on}:\n${stdout}`);
      const isOrphansOnly = /Upload/.test(action);
      assert.equal(code, isOrphansOnly ? 0 : 2, stdout);
    }
    assert.ok([0, 1, undefined].includes(await store.uploads()), 'only who may not abort leaves what was begun');
  });
}
