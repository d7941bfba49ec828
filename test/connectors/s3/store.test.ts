import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeStore } from '../../../core/checkpoint/probe.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { Operation } from '../../../testing/s3/operations.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { BUCKET, newModel, storeOn } from './support/scene.ts';

const body = Buffer.from('slot');

function refusing(operation: Operation, code: Parameters<typeof refusal>[0], times = Number.POSITIVE_INFINITY) {
  let left = times;
  return newModel({ intervene: (_, asked) => (asked === operation && left-- > 0 ? refusal(code) : undefined) });
}

const probe = (model: ReturnType<typeof newModel>) =>
  probeStore(storeOn(model), 'clicks', new VirtualEnv().env, { signal: new AbortController().signal });

test('a slot is one conditional request', async () => {
  const model = newModel();

  await storeOn(model).createIfAbsent('a/1', body);

  assert.deepEqual(Object.fromEntries(model.requestCounts), { PutObject: 1 });
  assert.equal(model.bucket(BUCKET).get('_sluice/a/1')?.body.toString(), 'slot');
});

test('a conflict is not an answer: the same bytes are sent again, a few times', async () => {
  const [some, many] = [
    refusing('PutObject', 'ConditionalRequestConflict', 2),
    refusing('PutObject', 'ConditionalRequestConflict'),
  ];

  assert.equal(await storeOn(some).createIfAbsent('a/1', body), 'created');
  await assert.rejects(storeOn(many).createIfAbsent('a/1', body), { kind: 'unavailable', code: 'S3_CONFLICT' });

  assert.equal(some.requestCounts.get('PutObject'), 3);
  assert.equal(many.requestCounts.get('PutObject'), 3);
});

test('what leaves the outcome open is unavailable, and sent once: looking it up is the log’s', async () => {
  for (const code of [
    'InternalError',
    'ServiceUnavailable',
    'SlowDown',
    'TooManyRequests',
    'RequestTimeout',
  ] as const) {
    const model = refusing('PutObject', code);

    await assert.rejects(storeOn(model).createIfAbsent('a/1', body), { kind: 'unavailable' }, code);

    assert.equal(model.requestCounts.get('PutObject'), 1, code);
  }
});

test('a prefix is a place of its own, and may be the whole bucket', async () => {
  const model = newModel();
  const [root, below] = [storeOn(model, { prefix: '' }), storeOn(model, { prefix: 'state/x' })];
  await root.createIfAbsent('a/1', body);
  await below.createIfAbsent('b/1', body);

  assert.deepEqual(await below.list('', ''), ['b/1']);
  assert.deepEqual(await root.list('a', ''), ['a/1']);
  assert.equal(root.identity, 's3:lake');
  assert.equal(below.identity, 's3:lake/state/x');
});

test('a listing of several pages is complete', async () => {
  const model = newModel();
  const store = storeOn(model);
  const keys = Array.from({ length: 2_300 }, (_, i) => `p/${String(i).padStart(12, '0')}.json`);
  for (const key of keys) await store.createIfAbsent(key, body);
  const requests = model.requestCounts.get('ListObjectsV2') ?? 0;

  assert.deepEqual(await store.list('p/', ''), keys);
  assert.deepEqual(await store.list('p/', keys[99] as string), keys.slice(100));

  assert.equal((model.requestCounts.get('ListObjectsV2') ?? 0) - requests, 6);
});

test('keys that are no plain segments are a bug, and nothing is sent', async () => {
  const model = newModel();
  for (const key of ['', 'a//b', '../a', '.hidden', 'A/1', 'a/'])
    await assert.rejects(storeOn(model).createIfAbsent(key, body), { kind: 'bug' }, key);

  assert.equal(model.requestCounts.size, 0);
});

test('what the store refuses before its first answer is the user’s to mend, later it is waited for', async () => {
  const model = newModel();
  const store = storeOn(model);
  model.denied.add('s3:ListBucket');
  await assert.rejects(store.list('', ''), { kind: 'config', code: 'S3_ACCESS_DENIED', help: /s3:ListBucket/ });
  model.denied.clear();
  await store.list('', '');
  model.denied.add('s3:ListBucket');

  await assert.rejects(store.list('', ''), { kind: 'rejected', code: 'S3_ACCESS_DENIED' });
});

test('a permission that is missing from the start is the user’s to mend, whatever else has worked', async () => {
  const model = newModel();
  const store = storeOn(model);
  await store.list('', '');
  for (const [action, call] of [
    ['s3:PutObject', () => store.createIfAbsent('p/1', body)],
    ['s3:GetObject', () => store.get('p/1')],
    ['s3:DeleteObject', () => store.delete('p/1')],
  ] as const) {
    model.denied.add(action);
    await assert.rejects(call(), {
      kind: 'config',
      code: 'S3_ACCESS_DENIED',
      message: new RegExp(`it takes ${action}`),
    });
    model.denied.clear();
    await call();
    model.denied.add(action);
    await assert.rejects(call(), { kind: 'rejected' });
    model.denied.clear();
  }
});

test('a good store proves itself; one that ignores conditions, or lists late, is refused', async () => {
  await probe(newModel());

  for (const behaviour of [{ ignoresConditions: true }, { listLagChanges: 3 }])
    await assert.rejects(probe(newModel({ behaviour })), { kind: 'config', code: 'STORE_NOT_SAFE' });
});

test('a store that knows no conditional writes says so', async () => {
  const model = newModel({
    intervene: ({ headers }) => (headers['if-none-match'] === undefined ? undefined : refusal('NotImplemented')),
  });

  await assert.rejects(probe(model), { kind: 'config', code: 'S3_NOT_IMPLEMENTED' });
});
