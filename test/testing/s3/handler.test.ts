import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { put } from '../../../testing/s3/cases/lab.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';
import { BUCKET, labOn } from './support/lab.ts';

const Bucket = BUCKET;
const Key = 'raw/a.ndjson';

/** Every operation once. */
async function tour(client: S3Client): Promise<string> {
  await client.send(new HeadBucketCommand({ Bucket }));
  await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('hello'), IfNoneMatch: '*' }));
  await client.send(new HeadObjectCommand({ Bucket, Key }));
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  const text = await Body?.transformToString();
  await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'raw/' }));
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'b' }));
  const { ETag } = await client.send(
    new UploadPartCommand({ Bucket, Key: 'b', UploadId, PartNumber: 1, Body: Buffer.alloc(100) }),
  );
  await client.send(new ListPartsCommand({ Bucket, Key: 'b', UploadId }));
  await client.send(new ListMultipartUploadsCommand({ Bucket }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'b', UploadId, MultipartUpload }));
  const second = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'c' }));
  await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'c', UploadId: second.UploadId }));
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'b' }] } }));
  await client.send(new GetBucketLocationCommand({ Bucket }));
  await client.send(new GetBucketVersioningCommand({ Bucket }));
  const missing = await client
    .send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
    .catch((error) => error.name);
  return `${text} ${missing}`;
}

test('the AWS client makes every call in virtual time, without a turn of the event loop', async () => {
  const time = new VirtualTime();
  const { env } = time.process({ pid: 1, seed: 1 });
  const slow: S3Exchange = async (_, effect) => {
    await env.timers.sleep(1_000);
    const answer = effect();
    await env.timers.sleep(1_000);
    return answer;
  };
  const { model, client } = labOn({}, slow);

  const seen = await time.run(tour(client));

  assert.equal(seen, 'hello NoSuchLifecycleConfiguration');
  assert.equal(time.nowMs, 17 * 2_000);
  assert.deepEqual([model.objects(Bucket), model.uploads(Bucket)], [[], []]);
});

test('a request is what it was when it was sent, whatever becomes of the memory', async () => {
  const body = Buffer.from('as sent');
  const lab = labOn({}, async (_, effect) => {
    body.fill('X');
    return effect();
  });

  await lab.client.send(new PutObjectCommand({ Bucket, Key, Body: body }));

  assert.equal(lab.model.objects(Bucket)[0]?.[1].body.toString(), 'as sent');
});

test('a request that is delivered twice takes effect twice, and its sender gets the second answer', async () => {
  const lab = labOn({}, async (_, effect) => {
    effect();
    return effect();
  });

  await assert.rejects(put(lab, Key, 'x', { IfNoneMatch: '*' }), { name: 'PreconditionFailed' });

  assert.equal(lab.model.requestCounts.get('PutObject'), 2);
});

test('what the exchange fails with is what the caller gets', async () => {
  const cut = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
  const lab = labOn({}, async (_, effect) => {
    effect();
    throw cut;
  });

  await assert.rejects(put(lab, Key, 'x'), (error) => error === cut);

  assert.equal(lab.model.objects(Bucket).length, 1);
});

test('a caller that gives up gets its answer at once, and the request stays on its way', async () => {
  let land = () => {};
  const lab = labOn({}, (_, effect) => new Promise((resolve) => (land = () => resolve(effect()))));
  const abort = new AbortController();
  const sent = lab.client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }), { abortSignal: abort.signal });
  const failed = assert.rejects(sent, { name: 'AbortError' });
  await new Promise((resolve) => setImmediate(resolve));

  abort.abort();

  await failed;
  assert.equal(lab.model.objects(Bucket).length, 0);
  land();
  assert.equal(lab.model.objects(Bucket).length, 1);
});

test('a caller that has given up before sends nothing', async () => {
  const lab = labOn();
  const sent = lab.client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }), { abortSignal: AbortSignal.abort() });

  await assert.rejects(sent, { name: 'AbortError' });

  assert.equal(lab.model.requestCounts.size, 0);
});

test('labels say what a request does, to what', async () => {
  const labels: string[] = [];
  const { client } = labOn({}, async (label, effect) => {
    labels.push(label);
    return effect();
  });

  await tour(client);

  assert.deepEqual(labels.slice(0, 8), [
    's3.HeadBucket lake/',
    's3.PutObject lake/raw/a.ndjson',
    's3.HeadObject lake/raw/a.ndjson',
    's3.GetObject lake/raw/a.ndjson',
    's3.ListObjectsV2 lake/raw/',
    's3.CreateMultipartUpload lake/b',
    's3.UploadPart lake/b 1',
    's3.ListParts lake/b',
  ]);
});
