import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toS3Error } from '../../../connectors/s3/errors.ts';
import { s3 } from '../../../connectors/s3/index.ts';
import { s3Settings, s3StoreSettings } from '../../../connectors/s3/settings.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import { apiOn, BUCKET, newModel, settingsOf, sinkOn, storeOn } from './support/scene.ts';

const context = { env: systemEnv(), signal: new AbortController().signal };
const failing =
  (error: object): S3Exchange =>
  async () => {
    throw Object.assign(new Error('failed'), error);
  };

test('looking writes nothing', async () => {
  const model = newModel();

  await sinkOn(model).check(context);

  assert.deepEqual(Object.fromEntries(model.requestCounts), { ListObjectsV2: 1 });
});

test('a bucket that does not exist is named', async () => {
  await assert.rejects(sinkOn(newModel({ buckets: ['other'] })).check(context), {
    kind: 'config',
    code: 'S3_NO_SUCH_BUCKET',
    help: /Create the bucket lake/,
  });
});

test('a wrong region says the right one', async () => {
  const model = newModel({ region: 'eu-central-1' });

  await assert.rejects(sinkOn(model).check(context), {
    kind: 'config',
    code: 'S3_WRONG_REGION',
    help: /set region: eu-central-1 \(found us-east-1\)/,
  });
  await sinkOn(model, { region: 'eu-central-1' }).check(context);
});

test('a denied permission is named', async () => {
  const model = newModel();
  model.denied.add('s3:ListBucket');

  await assert.rejects(sinkOn(model).check(context), {
    kind: 'config',
    code: 'S3_ACCESS_DENIED',
    help: /Allow s3:ListBucket on arn:aws:s3:::lake/,
  });
});

test('keys that nobody knows, or that have expired, are a matter of credentials', async () => {
  const unknown = newModel({ accessKeyIds: ['another'] });
  const expired = newModel();
  expired.expiredAccessKeyIds.add('test');

  for (const model of [unknown, expired])
    await assert.rejects(sinkOn(model).check(context), { kind: 'config', code: 'S3_CREDENTIALS' });
});

test('a clock that is far off costs one request more, and no checksums', async () => {
  const model = newModel({ behaviour: { checksRequestTime: true }, nowMs: () => Date.now() + 7_200_000 });
  const api = apiOn(model);
  const place = { bucket: BUCKET, key: 'raw/a' };

  assert.equal(await api.putIfAbsent(place, Buffer.from('a')), 'created');
  assert.equal(await api.putIfAbsent({ ...place, key: 'raw/b' }, Buffer.from('b')), 'created');

  assert.deepEqual(Object.fromEntries(model.requestCounts), { PutObject: 3 });
  for (const [, { checksum }] of model.objects(BUCKET)) assert.ok(checksum);
});

test('a clock that stays far off is named', async () => {
  const model = newModel({ intervene: () => refusal('RequestTimeTooSkewed') });

  await assert.rejects(sinkOn(model).check(context), { kind: 'config', code: 'S3_CLOCK_SKEW', help: /clock/ });
});

test('a host that does not resolve, or does not answer, names the endpoint, and is tried again', async () => {
  for (const [code, expected] of [
    ['ENOTFOUND', 'S3_NO_SUCH_HOST'],
    ['ECONNREFUSED', 'S3_UNAVAILABLE'],
  ]) {
    await assert.rejects(sinkOn(newModel(), { exchange: failing({ code }) }).check(context), {
      kind: 'unavailable',
      code: expected,
      help: /endpoint/,
    });
  }
});

test('a certificate that is not trusted says how to trust it', async () => {
  await assert.rejects(
    sinkOn(newModel(), { exchange: failing({ code: 'SELF_SIGNED_CERT_IN_CHAIN' }) }).check(context),
    {
      kind: 'config',
      code: 'S3_CERTIFICATE',
      help: /NODE_EXTRA_CA_CERTS/,
    },
  );
});

test('a real address where nothing listens is unavailable', async () => {
  const sink = s3({
    bucket: BUCKET,
    endpoint: 'http://127.0.0.1:1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });

  await assert.rejects(sink.check(context), { kind: 'unavailable', code: 'S3_UNAVAILABLE', message: /ECONNREFUSED/ });
});

test('every message says what was done where, and nothing of the keys', async () => {
  const model = newModel();
  model.denied.add('s3:PutObject');

  await assert.rejects(storeOn(model).createIfAbsent('p/1', Buffer.from('x')), (error: Error) => {
    assert.match(error.message, /could not write s3:lake\/_sluice\/p\/1: .*\(403 AccessDenied\)/);
    assert.ok(!JSON.stringify({ ...error, message: error.message }).includes('testtest'));
    return true;
  });
});

test('an answer that is not of S3 is judged by its status', () => {
  const action = { doing: 'read', permission: 's3:GetObject', bucket: 'b', key: 'k', region: 'r', endpoint: undefined };
  const answered = (status: number) =>
    toS3Error(Object.assign(new Error('<html>'), { name: 'SyntaxError', $response: { statusCode: status } }), action);

  assert.equal(answered(502).kind, 'unavailable');
  assert.equal(answered(504).kind, 'unavailable');
  assert.equal(answered(403).code, 'S3_ACCESS_DENIED');
  assert.equal(answered(429).code, 'S3_THROTTLED');
  assert.equal(answered(418).kind, 'rejected');
  assert.equal(answered(200).kind, 'unavailable', 'a page of a proxy is no success');
});

const issues = (input: object) => s3Settings.safeParse({ type: 's3', bucket: BUCKET, ...input }).error?.issues ?? [];

test('settings that cannot work are refused before anything is connected', () => {
  for (const wrong of [
    { bucket: 'Lake' },
    { bucket: 'a' },
    { bucket: 's3://lake' },
    { prefix: 'a//b' },
    { prefix: '../up' },
    { prefix: 'x'.repeat(513) },
    { prefix: 'ü'.repeat(257) },
    { endpoint: 'minio:9000' },
    { endpoint: 'ftp://x' },
    { partBytes: '4MiB' },
    { kmsKeyId: 'k' },
    { sse: 'AES256', kmsKeyId: 'k' },
    { acl: 'everybody' },
    { roll: { bytes: '200GiB' } },
    { profile: 'p', roleArn: 'r' },
    { credentials: { accessKeyId: 'a' } },
    { checksums: 'no' },
    { tags: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`t${i}`, 'v'])) },
    { region: '' },
    { key: 'value' },
  ]) {
    assert.equal(issues(wrong).length, 1, JSON.stringify(wrong));
  }
});

test('slashes around a prefix are forgiven; the longest leaves room for every key', () => {
  assert.equal(settingsOf({ prefix: '/raw/clicks/' }).prefix, 'raw/clicks');
  const [directory, name, store] = [255, 63 + 1 + 16 + 20 + 13 + 9 + 8, '_sluice/'.length];

  assert.ok(512 + 1 + store + directory + 1 + name <= 1_024);
});

test('a pipeline file says the same as code, and the identity is bucket and prefix', () => {
  assert.equal(s3({ bucket: BUCKET, prefix: 'raw/', region: 'eu-west-1' }).identity, 's3:lake/raw');
  assert.equal(s3({ bucket: BUCKET }).identity, 's3:lake');
  assert.equal(s3({ bucket: BUCKET }).rootStore(context.env)?.identity, 's3:lake/_sluice');
  assert.equal(s3({ bucket: BUCKET, prefix: 'raw' }).rootStore(context.env)?.identity, 's3:lake/raw/_sluice');
  assert.equal(s3StoreSettings.parse({ type: 's3', bucket: BUCKET }).prefix, '_sluice');
});
