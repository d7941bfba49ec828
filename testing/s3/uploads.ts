import type { Behaviour } from './behaviour.ts';
import type { Checksum, StoredObject, StoredPart, Upload } from './bucket.ts';
import { checkWriteConditions, unquoted } from './conditions.ts';
import { notModelled, S3Refusal } from './errors.ts';
import { emptyAnswer, type S3Response } from './http.ts';
import { keptHeaders } from './kept-headers.ts';
import { type Context, requireShort } from './objects.ts';
import { checkCrc32, crc32Base64, md5Hex, receivedPayload } from './payload.ts';
import { parsedElements, type Xml, xmlAnswer } from './xml.ts';

const PARTS_MAX = 10_000;

/** `id` is one that no upload had before. */
export function createUpload({ request, bucket, key, nowMs }: Context, id: string): S3Response {
  requireShort(key);
  const checksum = requestedChecksum(request.headers);
  bucket.uploads.set(id, { id, key, kept: keptHeaders(request), checksum, initiatedMs: nowMs, parts: new Map() });
  return xmlAnswer(
    [
      'InitiateMultipartUploadResult',
      [
        ['Bucket', bucket.name],
        ['Key', key],
        ['UploadId', id],
      ],
    ],
    checksum === undefined ? {} : { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': checksum },
  );
}

/** A part that was there under the number is replaced. */
export function uploadPart(context: Context): S3Response {
  const { request, nowMs, etagOf } = context;
  const number = Number(request.query.partNumber);
  if (!Number.isInteger(number) || number < 1 || number > PARTS_MAX)
    throw new S3Refusal('InvalidArgument', {
      message: `Part number must be an integer between 1 and ${PARTS_MAX}, inclusive`,
      fields: [['ArgumentName', 'partNumber']],
    });
  const upload = requireUpload(context);
  const { body, crc32 } = receivedPayload(request);
  if (upload.checksum !== undefined && crc32 === undefined)
    throw new S3Refusal('InvalidRequest', {
      message: 'Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum Type: null',
    });
  const part: StoredPart = { number, body, etag: etagOf(body), crc32, modifiedMs: nowMs };
  upload.parts.set(number, part);
  return emptyAnswer(200, {
    etag: `"${part.etag}"`,
    ...(crc32 === undefined ? {} : { 'x-amz-checksum-crc32': crc32 }),
  });
}

export function abortUpload(context: Context): S3Response {
  const { bucket, behaviour, request } = context;
  if (behaviour.repeatedAbort === 'noSuchUpload') requireUpload(context);
  bucket.uploads.delete(request.query.uploadId as string);
  return emptyAnswer(204);
}

export function completeUpload(context: Context): S3Response {
  const { request, bucket, key, behaviour, nowMs } = context;
  // A checksum in these headers is one of the object, not of this body.
  const { 'x-amz-checksum-crc32': _, ...headers } = request.headers;
  const { body } = receivedPayload({ ...request, headers });
  const id = request.query.uploadId as string;
  const listed = parsedElements(body.toString(), 'CompleteMultipartUpload', 'Part');
  if (listed === undefined || listed.length === 0) throw new S3Refusal('MalformedXML');
  const again = answeredAgain(context);
  if (again !== undefined) return again;

  const upload = requireUpload(context);
  const parts = listedParts(upload, listed, behaviour);
  if (!behaviour.ignoresConditions) checkWriteConditions(request, bucket.get(key));
  const object = assembled(upload, parts, nowMs, behaviour.opaqueETags ? context.etagOf : undefined);
  checkWhole(context, object);
  bucket.uploads.delete(id);
  bucket.completed.set(id, { key, etag: object.etag });
  if (behaviour.assemblesLater) {
    bucket.assembling.push({ key, object });
    throw new S3Refusal('InternalError');
  }
  bucket.put(key, object);
  return completeAnswer(context, object.etag, object);
}

export function requireUpload({ request, bucket, key }: Context): Upload {
  const upload = bucket.uploads.get(request.query.uploadId as string);
  if (upload === undefined || upload.key !== key)
    throw new S3Refusal('NoSuchUpload', { fields: [['UploadId', request.query.uploadId ?? '']] });
  return upload;
}

/** What some stores say when the upload is gone. */
function answeredAgain(context: Context): S3Response | undefined {
  const { bucket, key, behaviour, request } = context;
  const id = request.query.uploadId as string;
  const existing = bucket.get(key);
  if (bucket.uploads.has(id) || existing === undefined) return undefined;
  const done = bucket.completed.get(id);
  if (done?.key === key && behaviour.replayedComplete === 'sameAnswer') return completeAnswer(context, done.etag);
  return behaviour.unknownUploadCompletes ? completeAnswer(context, existing.etag) : undefined;
}

/** The parts that a Complete names, in its order, once it has them all. */
function listedParts(
  upload: Upload,
  listed: readonly Record<string, string>[],
  { partBytesMin }: Pick<Behaviour, 'partBytesMin'>,
): StoredPart[] {
  const parts = listed.map(({ PartNumber, ETag, ChecksumCRC32 }): StoredPart => {
    if (PartNumber === undefined || ETag === undefined) throw new S3Refusal('MalformedXML');
    const part = upload.parts.get(Number(PartNumber));
    if (upload.checksum === 'COMPOSITE' && ChecksumCRC32 === undefined)
      throw new S3Refusal('InvalidRequest', {
        message: `The upload was created using a crc32 checksum. The complete request must include the checksum for each part. It was missing for part ${PartNumber} in the request.`,
      });
    // A checksum that the upload was not created for counts as a wrong one.
    const isSameSum = ChecksumCRC32 === undefined || (upload.checksum !== undefined && ChecksumCRC32 === part?.crc32);
    if (part === undefined || part.etag !== unquoted(ETag) || !isSameSum)
      throw new S3Refusal('InvalidPart', {
        fields: [
          ['UploadId', upload.id],
          ['PartNumber', PartNumber],
          ['ETag', unquoted(ETag)],
        ],
      });
    return part;
  });
  if (parts.some(({ number }, at) => at > 0 && number <= (parts[at - 1] as StoredPart).number))
    throw new S3Refusal('InvalidPartOrder', { fields: [['UploadId', upload.id]] });
  const small = parts.slice(0, -1).find(({ body }) => body.length < partBytesMin);
  if (small !== undefined)
    throw new S3Refusal('EntityTooSmall', {
      fields: [
        ['PartNumber', small.number],
        ['ProposedSize', small.body.length],
        ['MinSizeAllowed', partBytesMin],
        ['ETag', small.etag],
      ],
    });
  return parts;
}

function assembled(
  upload: Upload,
  parts: readonly StoredPart[],
  nowMs: number,
  opaqueETagOf: ((body: Buffer) => string) | undefined,
): StoredObject {
  const body = Buffer.concat(parts.map((part) => part.body));
  const etag = opaqueETagOf?.(body) ?? md5Hex(Buffer.concat(parts.map((part) => Buffer.from(part.etag, 'hex'))));
  return {
    body,
    etag: `${etag}-${parts.length}`,
    kept: upload.kept,
    checksum: upload.checksum === undefined ? undefined : checksumOf(upload.checksum, body, parts),
    modifiedMs: nowMs,
  };
}

function checksumOf(type: Checksum['type'], body: Buffer, parts: readonly StoredPart[]): Checksum {
  if (type === 'FULL_OBJECT') return { crc32: crc32Base64(body), type };
  const sums = Buffer.concat(parts.map(({ crc32 = '' }) => Buffer.from(crc32, 'base64')));
  return { crc32: `${crc32Base64(sums)}-${parts.length}`, type };
}

/** What the request says of the whole object. */
function checkWhole({ request: { headers } }: Context, { body, checksum }: StoredObject): void {
  const size = headers['x-amz-mp-object-size'];
  if (size !== undefined && Number(size) !== body.length)
    throw new S3Refusal('InvalidRequest', {
      message: `The object has ${body.length} bytes, and ${size} were expected`,
    });
  const crc = headers['x-amz-checksum-crc32'];
  if (crc === undefined) return;
  if (checksum?.type === 'COMPOSITE') {
    if (crc !== checksum.crc32) throw new S3Refusal('BadDigest');
  } else checkCrc32(crc, body);
}

function completeAnswer({ request, bucket, key }: Context, etag: string, object?: StoredObject): S3Response {
  const sums: Xml[] =
    object?.checksum === undefined
      ? []
      : [
          ['ChecksumCRC32', object.checksum.crc32],
          ['ChecksumType', object.checksum.type],
        ];
  return xmlAnswer([
    'CompleteMultipartUploadResult',
    [
      ['Location', `http://${request.host}${request.path}`],
      ['Bucket', bucket.name],
      ['Key', key],
      ['ETag', `"${etag}"`],
      ...sums,
    ],
  ]);
}

function requestedChecksum(headers: Context['request']['headers']): Upload['checksum'] {
  const algorithm = headers['x-amz-checksum-algorithm'];
  const type = headers['x-amz-checksum-type'];
  if (algorithm === undefined) return undefined;
  if (algorithm !== 'CRC32') throw notModelled(`x-amz-checksum-algorithm: ${algorithm}`);
  if (type !== undefined && type !== 'COMPOSITE' && type !== 'FULL_OBJECT')
    throw new S3Refusal('InvalidRequest', { message: `Value for x-amz-checksum-type header is invalid.` });
  return type ?? 'COMPOSITE';
}
