import { S3Refusal } from './errors.ts';
import type { S3Request } from './http.ts';

/** The requests that the model knows, as the S3 API names them. */
export type Operation = (typeof OPERATIONS)[number][0];

/** What a request is about. `operation` is undefined when the model does not know it. */
export interface Target {
  readonly operation: Operation | undefined;
  readonly bucket: string;
  /** Empty for requests about a bucket, as the bucket is for those about all. */
  readonly key: string;
}

/** Operation, method, what it is about, the query parameters that tell it from others, and those it may have besides. */
const OPERATIONS = [
  ['ListBuckets', 'GET', 'store', [], []],
  ['CreateBucket', 'PUT', 'bucket', [], []],
  ['HeadBucket', 'HEAD', 'bucket', [], []],
  ['DeleteBucket', 'DELETE', 'bucket', [], []],
  ['GetBucketLocation', 'GET', 'bucket', ['location'], []],
  ['GetBucketVersioning', 'GET', 'bucket', ['versioning'], []],
  ['GetBucketLifecycleConfiguration', 'GET', 'bucket', ['lifecycle'], []],
  [
    'ListObjectsV2',
    'GET',
    'bucket',
    ['list-type'],
    ['prefix', 'delimiter', 'start-after', 'continuation-token', 'max-keys', 'encoding-type', 'fetch-owner'],
  ],
  [
    'ListMultipartUploads',
    'GET',
    'bucket',
    ['uploads'],
    ['prefix', 'key-marker', 'upload-id-marker', 'max-uploads', 'encoding-type'],
  ],
  ['DeleteObjects', 'POST', 'bucket', ['delete'], []],
  ['PutObject', 'PUT', 'key', [], []],
  ['GetObject', 'GET', 'key', [], []],
  ['HeadObject', 'HEAD', 'key', [], []],
  ['DeleteObject', 'DELETE', 'key', [], []],
  ['CreateMultipartUpload', 'POST', 'key', ['uploads'], []],
  ['UploadPart', 'PUT', 'key', ['partNumber', 'uploadId'], []],
  ['ListParts', 'GET', 'key', ['uploadId'], ['max-parts', 'part-number-marker']],
  ['CompleteMultipartUpload', 'POST', 'key', ['uploadId'], []],
  ['AbortMultipartUpload', 'DELETE', 'key', ['uploadId'], []],
] as const;

/** Throws `S3Refusal` for a path that cannot be read. */
export function targetOf({ method, path, query }: S3Request): Target {
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const level = bucket === '' ? 'store' : key === '' ? 'bucket' : 'key';
  const given = Object.keys(query).filter((name) => name !== 'x-id');
  const known = OPERATIONS.find(
    ([, itsMethod, about, required, allowed]) =>
      itsMethod === method &&
      about === level &&
      required.every((name) => given.includes(name)) &&
      given.every((name) => [...required, ...allowed].some((expected) => expected === name)),
  );
  return { operation: known?.[0], bucket: decoded(bucket), key: decoded(key) };
}

/** `s3.UploadPart lake/raw/a.ndjson 3`: what a request does, for traces and for those who decide its fate. */
export function labelOf(request: S3Request): string {
  const { method, path, query } = request;
  let place = path.slice(1);
  let operation: string = method;
  try {
    const target = targetOf(request);
    operation = target.operation ?? method;
    place = `${target.bucket}/${target.key || (query.prefix ?? '')}`;
  } catch (error) {
    // A path that cannot be read is the model's to refuse.
    if (!(error instanceof S3Refusal)) throw error;
  }
  return `s3.${operation} ${place}${query.partNumber === undefined ? '' : ` ${query.partNumber}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Refusal('InvalidURI');
  }
}
