import assert from 'node:assert/strict';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  type CompleteMultipartUploadCommandOutput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListPartsCommand,
  type ListPartsCommandInput,
  type ListPartsCommandOutput,
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

const MIB = 1024 * 1024;
/** What every part but the last has at least. */
export const BIG = 5 * MIB;
/** Of no object. */
export const WRONG_ETAG = '"deadbeefdeadbeefdeadbeefdeadbeef"';

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

/** An upload of one part, ready to be completed. */
export async function staged(lab: S3Lab, key: string, text: string): Promise<{ id: string; parts: PartRef[] }> {
  const id = await create(lab, key);
  return { id, parts: [await part(lab, key, id, 1, Buffer.from(text))] };
}

export async function abort({ client, bucket }: S3Lab, key: string, uploadId: string): Promise<void> {
  await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }));
}

export async function remove({ client, bucket }: S3Lab, key: string): Promise<void> {
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
}

/** One page. */
export function partsOf(
  { client, bucket }: S3Lab,
  key: string,
  uploadId: string,
  more: Partial<ListPartsCommandInput> = {},
): Promise<ListPartsCommandOutput> {
  return client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId, ...more }));
}

/** Every page of uploads, each as its key and its id. */
export async function uploadsOf(
  lab: S3Lab,
  query: Omit<ListMultipartUploadsCommandInput, 'Bucket'> = {},
): Promise<string[][]> {
  const pages: string[][] = [];
  let from: Partial<ListMultipartUploadsCommandInput> | undefined = {};
  while (from !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await lab.client.send(
      new ListMultipartUploadsCommand({ Bucket: lab.bucket, ...query, ...from }),
    );
    pages.push((page.Uploads ?? []).map(({ Key, UploadId }) => `${Key} ${UploadId}`));
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
  return pages;
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
