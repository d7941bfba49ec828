import type { KeptHeaders } from './bucket.ts';
import { notModelled, S3Refusal } from './errors.ts';
import type { S3Request } from './http.ts';
import { encodings } from './payload.ts';

const META = 'x-amz-meta-';
const METADATA_BYTES_MAX = 2_048;
const DEFAULT_TYPE = 'binary/octet-stream';

const GIVEN_BACK = ['content-type', 'cache-control', 'content-disposition', 'content-language', 'expires'];
const GIVEN_BACK_AMZ = [
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
];
/** Taken, and of no consequence to what a client sees of an object. */
const TAKEN = [
  'x-amz-acl',
  'x-amz-tagging',
  'x-amz-storage-class',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-decoded-content-length',
  'x-amz-trailer',
  'x-amz-security-token',
  'x-amz-user-agent',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-algorithm',
  'x-amz-checksum-type',
  'x-amz-mp-object-size',
  'x-amz-request-payer',
];

/** What of the headers of a PutObject or CreateMultipartUpload belongs to the object. */
export function keptHeaders({ headers }: S3Request): KeptHeaders {
  const kept: Record<string, string> = { 'content-type': DEFAULT_TYPE };
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(META) || GIVEN_BACK.includes(name) || GIVEN_BACK_AMZ.includes(name)) kept[name] = value.trim();
  const storageClass = headers['x-amz-storage-class'];
  // AWS does not name the class that nobody asked for.
  if (storageClass !== undefined && storageClass !== 'STANDARD') kept['x-amz-storage-class'] = storageClass;
  const encoding = encodings({ ...headers }).filter((name) => name !== 'aws-chunked');
  if (encoding.length > 0) kept['content-encoding'] = encoding.join(',');
  const tags = new URLSearchParams(headers['x-amz-tagging']).size;
  if (tags > 0) kept['x-amz-tagging-count'] = String(tags);

  const metadataBytes = Object.entries(kept)
    .filter(([name]) => name.startsWith(META))
    .reduce((sum, [name, value]) => sum + Buffer.byteLength(name.slice(META.length)) + Buffer.byteLength(value), 0);
  if (metadataBytes > METADATA_BYTES_MAX) throw new S3Refusal('MetadataTooLarge');
  return kept;
}

/** Throws `S3Refusal` for a header that would change the answer of a real store and is not modelled. */
export function requireKnownHeaders({ headers }: S3Request): void {
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('x-amz-') || name.startsWith(META) || /^x-amz-checksum-/.test(name)) continue;
    if (!GIVEN_BACK_AMZ.includes(name) && !TAKEN.includes(name)) throw notModelled(name);
  }
}
