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
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { CLIENT_WITHOUT_PROFILE, type S3Exchange, s3Handler } from '../../../testing/s3/handler.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';

const Bucket = 'lake';
const Key = 'raw/a.ndjson';

function clientOf(model: S3Model, exchange: S3Exchange = async (_, effect) => effect()): S3Client {
  return new S3Client({
    ...CLIENT_WITHOUT_PROFILE,
    region: 'us-east-1',
    endpoint: 'http://store.test',
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    requestHandler: s3Handler(exchange, model),
  });
}

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
  const model = new S3Model({ buckets: [Bucket] });

  const seen = await time.run(tour(clientOf(model, slow)));

  assert.equal(seen, 'hello NoSuchLifecycleConfiguration');
  assert.equal(time.nowMs, 17 * 2_000);
  assert.deepEqual([model.objects(Bucket), model.uploads(Bucket)], [[], []]);
});
