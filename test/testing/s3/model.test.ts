import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import {
  complete,
  create,
  keysOf,
  part,
  put,
  refused,
  type S3Lab,
  staged,
  textOf,
  WRONG_ETAG,
} from '../../../testing/s3/cases/lab.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Request } from '../../../testing/s3/http.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { BUCKET, labOn } from './support/lab.ts';

const head = ({ client, bucket }: S3Lab, key: string) =>
  client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));

function request(method: string, path: string, more: Partial<S3Request> = {}): S3Request {
  return { method, host: 'store.test', path, query: {}, headers: {}, body: Buffer.alloc(0), ...more };
}

// What stores do differently.

test('a store that answers a repeated Complete as the first time does so for the old ETag when the object is a newer one', async () => {
  const lab = labOn({ behaviour: { replayedComplete: 'sameAnswer' } });
  const { id, parts } = await staged(lab, 'k', 'first');
  const { ETag } = await complete(lab, 'k', id, parts);

  const again = await complete(lab, 'k', id, parts);
  await put(lab, 'k', 'second');
  const later = await complete(lab, 'k', id, parts);

  assert.deepEqual([again.ETag, later.ETag], [ETag, ETag]);
  assert.equal(await textOf(lab, 'k'), 'second');
});

test('a store that completes uploads it never knew does so only where there is an object', async () => {
  const lab = labOn({ behaviour: { unknownUploadCompletes: true } });
  const { ETag } = await put(lab, 'k', 'x');
  const parts = [{ PartNumber: 1, ETag: WRONG_ETAG }];

  assert.equal((await complete(lab, 'k', 'never', parts)).ETag, ETag);
  await refused(complete(lab, 'missing', 'never', parts), 404, 'NoSuchUpload');
});

test('a store that ignores conditions overwrites', async () => {
  const lab = labOn({ behaviour: { ignoresConditions: true } });
  await put(lab, 'k', 'first');
  const { id, parts } = await staged(lab, 'k', 'third');

  await put(lab, 'k', 'second', { IfNoneMatch: '*' });
  assert.equal(await textOf(lab, 'k'), 'second');
  await complete(lab, 'k', id, parts, { IfNoneMatch: '*' });
  assert.equal(await textOf(lab, 'k'), 'third');
});

test('a store that lists uploads for whole keys finds none for a prefix', async () => {
  const lab = labOn({ behaviour: { uploadsListedFor: 'exactKey' } });
  await create(lab, 'raw/a');
  const found = async (Prefix: string) =>
    (await lab.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix }))).Uploads?.length ?? 0;

  assert.deepEqual([await found(''), await found('raw/'), await found('raw/a')], [0, 0, 1]);
});

test('a store whose errors of a Complete come after its 200 says so in the body', async () => {
  const lab = labOn({ behaviour: { completeErrorsInBody: true } });
  const { id } = await staged(lab, 'k', 'x');

  const answer = lab.model.answer(
    request('POST', '/lake/k', { query: { uploadId: id }, headers: { 'content-length': '0' } }),
  );

  assert.equal(answer.status, 200);
  assert.match(answer.body.toString(), /<Code>MalformedXML<\/Code>/);
  await refused(complete(lab, 'k', id, [{ PartNumber: 1, ETag: WRONG_ETAG }]), 503, 'InvalidPart');
});

test('a store that is still assembling has neither the upload nor the object', async () => {
  const lab = labOn({ behaviour: { assemblesLater: true, replayedComplete: 'sameAnswer' } });
  const { id, parts } = await staged(lab, 'k', 'late');

  await refused(complete(lab, 'k', id, parts), 500, 'InternalError');
  await refused(complete(lab, 'k', id, parts), 404, 'NoSuchUpload');
  await refused(head(lab, 'k'), 404, 'NotFound');
  lab.model.finishAssembly(BUCKET);

  assert.equal(await textOf(lab, 'k'), 'late');
  await complete(lab, 'k', id, parts);
});

test('a store with opaque ETags gives the same bytes another one, so that a Complete with the old is refused', async () => {
  const lab = labOn({ behaviour: { opaqueETags: true } });
  const { id, parts } = await staged(lab, 'k', 'same');
  const again = await part(lab, 'k', id, 1, Buffer.from('same'));

  await refused(complete(lab, 'k', id, parts), 400, 'InvalidPart');
  const { Parts = [] } = await lab.client.send(new ListPartsCommand({ Bucket: BUCKET, Key: 'k', UploadId: id }));
  assert.deepEqual(
    Parts.map(({ ETag, Size }) => [ETag, Size]),
    [[again.ETag, 4]],
  );
  await complete(lab, 'k', id, [again]);
});

test('a list that lags shows what was deleted and not what was written', async () => {
  const lab = labOn();
  await put(lab, 'a', 'x');
  await put(lab, 'b', 'x');
  lab.model.bucket(BUCKET).delete('a');
  await put(lab, 'c', 'x');

  const seen: string[][] = [];
  for (lab.model.behaviour.listLagChanges of [0, 1, 2, 3, 4, 5]) seen.push(await keysOf(lab));

  assert.deepEqual(seen, [['b', 'c'], ['b'], ['a', 'b'], ['a'], [], []]);
});

// What happens to a store.

test('an upload that a lifecycle rule has aborted is as if it had never been', async () => {
  const lab = labOn();
  const raw = await staged(lab, 'raw/k', 'x');
  const other = await staged(lab, 'other/k', 'x');

  lab.model.expireUploads(BUCKET, 'raw/');

  await refused(complete(lab, 'raw/k', raw.id, raw.parts), 404, 'NoSuchUpload');
  await refused(part(lab, 'raw/k', raw.id, 2, Buffer.from('x')), 404, 'NoSuchUpload');
  await complete(lab, 'other/k', other.id, other.parts);
});

test('a bucket that was deleted takes everything with it', async () => {
  const lab = labOn();
  const { id, parts } = await staged(lab, 'k', 'x');

  lab.model.deleteBucket(BUCKET);

  await refused(put(lab, 'k', 'x'), 404, 'NoSuchBucket');
  await refused(complete(lab, 'k', id, parts), 404, 'NoSuchBucket');
});

test('a hook answers in place of the model, as often as it wants', async () => {
  let left = 2;
  const lab = labOn({
    intervene: (_, operation) => (operation === 'PutObject' && left-- > 0 ? refusal('SlowDown') : undefined),
  });

  await refused(put(lab, 'k', 'x'), 503, 'SlowDown');
  await refused(put(lab, 'k', 'x'), 503, 'SlowDown');
  await put(lab, 'k', 'x');

  assert.equal(lab.model.requestCounts.get('PutObject'), 3);
  assert.deepEqual(await keysOf(lab), ['k']);
});

test('what a bucket is set to is told: its versioning, and its rules for uploads', async () => {
  const lab = labOn();
  const bucket = lab.model.bucket(BUCKET);
  const rules = () => lab.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: BUCKET }));
  await refused(rules(), 404, 'NoSuchLifecycleConfiguration');

  bucket.versioning = 'Enabled';
  bucket.lifecycle = [{ id: 'old', prefix: 'raw/', abortAfterDays: 7 }];

  const { Status } = await lab.client.send(new GetBucketVersioningCommand({ Bucket: BUCKET }));
  assert.equal(Status, 'Enabled');
  const [rule] = (await rules()).Rules ?? [];
  assert.deepEqual(
    [rule?.ID, rule?.Filter?.Prefix, rule?.AbortIncompleteMultipartUpload?.DaysAfterInitiation],
    ['old', 'raw/', 7],
  );
});

// Strictness.

test('what the model does not know it refuses, so that no test passes because it was ignored', async () => {
  const lab = labOn();

  await refused(put(lab, 'k', 'x', { ChecksumSHA256: 'x' }), 501, 'NotImplemented');
  await refused(put(lab, 'k', 'x', { ObjectLockMode: 'GOVERNANCE' }), 501, 'NotImplemented');
  await refused(put(lab, 'k', 'x', { IfNoneMatch: WRONG_ETAG }), 501, 'NotImplemented');
  assert.equal(lab.model.answer(request('GET', '/lake/k', { query: { tagging: '' } })).status, 501);
  assert.equal(lab.model.answer(request('GET', '/lake')).status, 501);
});

test('a body is refused that is shorter than its header says, or not what was signed', () => {
  const model = new S3Model({ buckets: [BUCKET] });
  const send = (headers: Record<string, string>, body = 'hello') => {
    const answer = model.answer(request('PUT', '/lake/k', { headers, body: Buffer.from(body) }));
    return `${answer.status} ${/<Code>(\w+)/.exec(answer.body.toString())?.[1]}`;
  };
  const chunked = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': '5' };
  const trailer = { ...chunked, 'x-amz-trailer': 'x-amz-checksum-crc32' };

  assert.deepEqual(
    [
      send({}),
      send({ 'content-length': '6' }),
      send({ 'content-length': '5', 'x-amz-content-sha256': '0'.repeat(64) }),
      send({ 'content-length': '5', authorization: 'AWS4-HMAC-SHA256' }),
      send({ 'content-length': '5', 'x-amz-sdk-checksum-algorithm': 'CRC32' }),
      send({ 'content-length': '5', 'x-amz-checksum-crc32': 'short' }),
      send({ 'content-length': '5', 'content-md5': 'short' }),
      send(chunked, '5\r\nhel'),
      send(chunked, '3\r\nhel\r\n0\r\n\r\n'),
      send(trailer, '5\r\nhello\r\n0\r\n\r\n'),
      send(trailer, '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'),
      send(chunked, '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'),
    ],
    [
      '411 MissingContentLength',
      '400 IncompleteBody',
      '400 XAmzContentSHA256Mismatch',
      '400 InvalidRequest',
      '400 InvalidRequest',
      '400 InvalidRequest',
      '400 InvalidDigest',
      '400 IncompleteBody',
      '400 IncompleteBody',
      '400 IncompleteBody',
      '400 BadDigest',
      '403 InvalidChunkSizeError',
    ],
  );
  assert.deepEqual(model.objects(BUCKET), []);
});

test('a path that cannot be read is refused', () => {
  assert.equal(new S3Model({ buckets: [BUCKET] }).answer(request('GET', '/lake/%zz')).status, 400);
});

test('the same requests get the same answers, byte by byte', () => {
  const answers = () => {
    const model = new S3Model({ buckets: [BUCKET] });
    const put = request('PUT', '/lake/a', { headers: { 'content-length': '2' }, body: Buffer.from('hi') });
    const list = request('GET', '/lake', { query: { 'list-type': '2' } });
    return [put, request('GET', '/lake/a'), request('POST', '/lake/b', { query: { uploads: '' } }), list].map((one) => {
      const { status, headers, body } = model.answer(one);
      return { status, headers, body: body.toString() };
    });
  };

  assert.deepEqual(answers(), answers());
  assert.deepEqual(
    answers().map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test('bytes that were read are of the reader alone', () => {
  const model = new S3Model({ buckets: [BUCKET] });
  model.answer(request('PUT', '/lake/a', { headers: { 'content-length': '2' }, body: Buffer.from('hi') }));

  model.answer(request('GET', '/lake/a')).body.fill('X');

  assert.equal(model.answer(request('GET', '/lake/a')).body.toString(), 'hi');
});
