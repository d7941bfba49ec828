import assert from 'node:assert/strict';
import {
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  type CompleteMultipartUploadCommandOutput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';

/** What a case gets: a client that sends each request once, and an empty bucket of its own. */
export interface S3Lab {
  readonly client: S3Client;
  readonly bucket: string;
}

/** What AWS documents, as something a store does or not; `run` throws when it does not. */
export interface S3Case {
  readonly name: string;
  run(lab: S3Lab): Promise<void>;
}

/** As a Complete names it. */
export interface PartRef {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
}

export const MIB = 1024 * 1024;
/** What every part but the last has at least. */
export const BIG = 5 * MIB;

type Free<Input> = Partial<Omit<Input, 'Bucket' | 'Key'>>;

export function put(
  { client, bucket }: S3Lab,
  key: string,
  body: string | Buffer,
  more: Free<PutObjectCommandInput> = {},
): Promise<PutObjectCommandOutput> {
  return client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body as string), ...more }));
}

export async function textOf({ client, bucket }: S3Lab, key: string): Promise<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

export async function create(
  { client, bucket }: S3Lab,
  key: string,
  more: Free<CreateMultipartUploadCommandInput> = {},
): Promise<string> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...more }));
  assert.ok(UploadId);
  return UploadId;
}

/** Sends a part, and returns how a Complete names it: without a checksum. */
export async function part(
  { client, bucket }: S3Lab,
  key: string,
  uploadId: string,
  number: number,
  body: Buffer,
  more: Free<UploadPartCommandInput> = {},
): Promise<PartRef> {
  const { ETag } = await client.send(
    new UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: number,
      Body: body,
      ...more,
    }),
  );
  return { PartNumber: number, ETag };
}

export function complete(
  { client, bucket }: S3Lab,
  key: string,
  uploadId: string,
  parts: readonly PartRef[],
  more: Free<CompleteMultipartUploadCommandInput> = {},
): Promise<CompleteMultipartUploadCommandOutput> {
  return client.send(
    new CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      MultipartUpload: { Parts: parts.map((ref) => ({ ...ref })) },
      ...more,
    }),
  );
}

/** Keys of the bucket, one page. */
export async function keysOf(lab: S3Lab, query: Omit<ListObjectsV2CommandInput, 'Bucket'> = {}): Promise<string[]> {
  const { Contents = [] } = await lab.client.send(new ListObjectsV2Command({ Bucket: lab.bucket, ...query }));
  return Contents.map(({ Key = '' }) => Key);
}

/** Throws unless the request is refused so. AWS names what is missing differently where an answer has no body. */
export async function refused(request: Promise<unknown>, status: number, ...names: string[]): Promise<void> {
  const answer = await request.then(
    () => 'a success',
    (error) => {
      if (error.$metadata === undefined) throw error;
      return `${error.$metadata.httpStatusCode} ${error.name}`;
    },
  );
  const expected = names.map((name) => `${status} ${name}`);
  assert.ok(expected.includes(answer), `expected ${expected.join(' or ')}, and got ${answer}`);
}
