import type { Behaviour } from './behaviour.ts';
import type { Bucket, StoredObject } from './bucket.ts';
import { checkWriteConditions, refuseReadConditions } from './conditions.ts';
import { S3Refusal } from './errors.ts';
import { emptyAnswer, httpTime, type S3Request, type S3Response } from './http.ts';
import { keptHeaders } from './kept-headers.ts';
import { receivedPayload } from './payload.ts';
import { parsedElements, xmlAnswer } from './xml.ts';

/** What an operation works with. */
export interface Context {
  readonly request: S3Request;
  readonly bucket: Bucket;
  readonly key: string;
  readonly behaviour: Behaviour;
  readonly nowMs: number;
  etagOf(body: Buffer): string;
}

const KEY_BYTES_MAX = 1_024;
const DELETED_AT_ONCE_MAX = 1_000;

export function putObject({ request, bucket, key, behaviour, nowMs, etagOf }: Context): S3Response {
  requireShort(key);
  const { body, crc32 } = receivedPayload(request);
  const kept = keptHeaders(request);
  if (!behaviour.ignoresConditions) checkWriteConditions(request, bucket.get(key));
  const checksum = crc32 === undefined ? undefined : ({ crc32, type: 'FULL_OBJECT' } as const);
  const object: StoredObject = { body, etag: etagOf(body), kept, checksum, modifiedMs: nowMs };
  bucket.put(key, object);
  return emptyAnswer(200, { etag: `"${object.etag}"`, ...checksumHeaders(object) });
}

export function getObject({ request, bucket, key }: Context): S3Response {
  refuseReadConditions(request);
  const object = requireObject(bucket, key);
  const range = requestedRange(request.headers.range, object.body.length);
  // Of its own memory: whoever gets it may write on it.
  const body = Buffer.from(object.body.subarray(range?.from, range?.to));
  const headers = objectHeaders(request, object, range !== undefined);
  headers['content-length'] = String(body.length);
  if (range === undefined) return { status: 200, headers, body };
  headers['content-range'] = `bytes ${range.from}-${range.to - 1}/${object.body.length}`;
  return { status: 206, headers, body };
}

export function headObject({ request, bucket, key }: Context): S3Response {
  refuseReadConditions(request);
  const object = requireObject(bucket, key);
  return emptyAnswer(200, {
    ...objectHeaders(request, object, false),
    'content-length': String(object.body.length),
  });
}

/** Says the same whether there was something or not. */
export function deleteObject({ request, bucket, key, behaviour }: Context): S3Response {
  if (!behaviour.ignoresConditions) checkWriteConditions(request, bucket.get(key));
  bucket.delete(key);
  return emptyAnswer(204);
}

export function deleteObjects({ request, bucket }: Context): S3Response {
  const { body } = receivedPayload(request);
  const objects = parsedElements(body.toString(), 'Delete', 'Object');
  const keys = objects?.map(({ Key }) => Key);
  if (keys === undefined || keys.length === 0 || keys.length > DELETED_AT_ONCE_MAX || keys.includes(undefined))
    throw new S3Refusal('MalformedXML');
  for (const key of keys as string[]) bucket.delete(key);
  const isQuiet = /<Quiet>true<\/Quiet>/.test(body.toString());
  return xmlAnswer(['DeleteResult', isQuiet ? [] : (keys as string[]).map((key) => ['Deleted', [['Key', key]]])]);
}

export function requireShort(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > KEY_BYTES_MAX)
    throw new S3Refusal('KeyTooLongError', {
      fields: [
        ['Size', bytes],
        ['MaxSizeAllowed', KEY_BYTES_MAX],
      ],
    });
}

/** Of the checksum that an object has, for the answer to the request that made it. */
function checksumHeaders({ checksum }: StoredObject): Record<string, string> {
  if (checksum === undefined) return {};
  return { 'x-amz-checksum-crc32': checksum.crc32, 'x-amz-checksum-type': checksum.type };
}

function requireObject(bucket: Bucket, key: string): StoredObject {
  requireShort(key);
  const object = bucket.get(key);
  if (object === undefined) throw new S3Refusal('NoSuchKey', { fields: [['Key', key]] });
  return object;
}

function objectHeaders({ headers }: S3Request, object: StoredObject, isPart: boolean): Record<string, string> {
  const wantsChecksum = headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED' && !isPart;
  return {
    ...object.kept,
    ...(wantsChecksum ? checksumHeaders(object) : {}),
    etag: `"${object.etag}"`,
    'last-modified': httpTime(object.modifiedMs),
    'accept-ranges': 'bytes',
  };
}

/** Undefined for the whole object, which a range that S3 does not understand also gets; `to` is exclusive. */
function requestedRange(range: string | undefined, length: number): { from: number; to: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const to = first === '' || last === '' ? length : Math.min(length, Number(last) + 1);
  if (from >= to) throw new S3Refusal('InvalidRange', { headers: { 'content-range': `bytes */${length}` } });
  return { from, to };
}
