import { compareUtf8, type StoredObject, type Upload } from './bucket.ts';
import { S3Refusal } from './errors.ts';
import { isoTime, type S3Request, type S3Response } from './http.ts';
import type { Context } from './objects.ts';
import { requireUpload } from './uploads.ts';
import { type Xml, xmlAnswer } from './xml.ts';

const PAGE_MAX = 1_000;

/** One line of a list of objects: an object, or everything that begins with a common prefix. */
type Entry = { kind: 'object'; key: string; object: StoredObject } | { kind: 'prefix'; key: string };

export function listObjects({ request, bucket, behaviour }: Context): S3Response {
  const { prefix = '', delimiter = '', 'start-after': startAfter = '', 'continuation-token': token } = request.query;
  const max = pageMax(request.query, 'max-keys');
  // With a start-after inside of a common prefix that prefix may still come; a token has it behind it.
  const objects = bucket.list(prefix, behaviour.listLagChanges).filter(([key]) => compareUtf8(key, startAfter) > 0);
  const after = token === undefined ? '' : fromToken(token);
  const entries = rolledUp(objects, prefix, delimiter).filter(({ key }) => compareUtf8(key, after) > 0);
  const page = entries.slice(0, max);
  const last = page.at(-1);
  const isTruncated = max > 0 && entries.length > page.length;
  const text = textOf(request);
  const fields: Xml[] = [
    ['Name', bucket.name],
    ['Prefix', text(prefix)],
    ['MaxKeys', max],
    ['KeyCount', page.length],
    ['IsTruncated', isTruncated],
  ];
  if (delimiter !== '') fields.push(['Delimiter', text(delimiter)]);
  if (startAfter !== '') fields.push(['StartAfter', text(startAfter)]);
  if (token !== undefined) fields.push(['ContinuationToken', token]);
  if (isTruncated && last !== undefined) fields.push(['NextContinuationToken', toToken(last.key)]);
  if (request.query['encoding-type'] !== undefined) fields.push(['EncodingType', 'url']);
  for (const entry of page)
    if (entry.kind === 'object') fields.push(['Contents', contents(text(entry.key), entry.object)]);
  for (const entry of page) if (entry.kind === 'prefix') fields.push(['CommonPrefixes', [['Prefix', text(entry.key)]]]);
  return xmlAnswer(['ListBucketResult', fields]);
}

export function listUploads({ request, bucket, behaviour }: Context): S3Response {
  const { prefix = '', 'key-marker': keyMarker = '', 'upload-id-marker': idMarker = '' } = request.query;
  const max = pageMax(request.query, 'max-uploads');
  const isListed = ({ key }: Upload) =>
    behaviour.uploadsListedFor === 'exactKey' ? key === prefix : key.startsWith(prefix);
  const isAfter = ({ key, id }: Upload) =>
    keyMarker === '' || compareUtf8(key, keyMarker) > 0 || (key === keyMarker && idMarker !== '' && id > idMarker);
  const uploads = bucket.listUploads().filter((upload) => isListed(upload) && isAfter(upload));
  const page = uploads.slice(0, max);
  const last = page.at(-1);
  const isTruncated = uploads.length > page.length;
  const text = textOf(request);
  const fields: Xml[] = [
    ['Bucket', bucket.name],
    ['KeyMarker', text(keyMarker)],
    ['UploadIdMarker', idMarker],
    ['Prefix', text(prefix)],
    ['MaxUploads', max],
    ['IsTruncated', isTruncated],
  ];
  if (isTruncated && last !== undefined)
    fields.push(['NextKeyMarker', text(last.key)], ['NextUploadIdMarker', last.id]);
  if (request.query['encoding-type'] !== undefined) fields.push(['EncodingType', 'url']);
  for (const { key, id, initiatedMs } of page)
    fields.push([
      'Upload',
      [
        ['Key', text(key)],
        ['UploadId', id],
        ['Initiated', isoTime(initiatedMs)],
        ['StorageClass', 'STANDARD'],
      ],
    ]);
  return xmlAnswer(['ListMultipartUploadsResult', fields]);
}

export function listParts(context: Context): S3Response {
  const { request, bucket, key } = context;
  const upload = requireUpload(context);
  const max = pageMax(request.query, 'max-parts');
  const marker = wholeNumber(request.query, 'part-number-marker') ?? 0;
  const parts = [...upload.parts.values()].filter(({ number }) => number > marker).sort((a, b) => a.number - b.number);
  const page = parts.slice(0, max);
  const fields: Xml[] = [
    ['Bucket', bucket.name],
    ['Key', key],
    ['UploadId', upload.id],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', page.at(-1)?.number ?? 0],
    ['MaxParts', max],
    ['IsTruncated', parts.length > page.length],
  ];
  for (const { number, body, etag, crc32, modifiedMs } of page) {
    const sum: Xml[] = crc32 === undefined || upload.checksum === undefined ? [] : [['ChecksumCRC32', crc32]];
    fields.push([
      'Part',
      [
        ['PartNumber', number],
        ['LastModified', isoTime(modifiedMs)],
        ['ETag', `"${etag}"`],
        ['Size', body.length],
        ...sum,
      ],
    ]);
  }
  return xmlAnswer(['ListPartsResult', fields]);
}

function rolledUp(objects: [key: string, object: StoredObject][], prefix: string, delimiter: string): Entry[] {
  const entries: Entry[] = [];
  for (const [key, object] of objects) {
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (at < 0) {
      entries.push({ kind: 'object', key, object });
      continue;
    }
    const common = key.slice(0, at + delimiter.length);
    const last = entries.at(-1);
    if (last?.kind !== 'prefix' || last.key !== common) entries.push({ kind: 'prefix', key: common });
  }
  return entries;
}

function contents(key: string, { modifiedMs, etag, body, checksum, kept }: StoredObject): readonly Xml[] {
  const sums: Xml[] =
    checksum === undefined
      ? []
      : [
          ['ChecksumAlgorithm', 'CRC32'],
          ['ChecksumType', checksum.type],
        ];
  return [
    ['Key', key],
    ['LastModified', isoTime(modifiedMs)],
    ['ETag', `"${etag}"`],
    ...sums,
    ['Size', body.length],
    ['StorageClass', kept['x-amz-storage-class'] ?? 'STANDARD'],
  ];
}

/** Keys as they are, or encoded as forms are, but for slashes (AWS: `encoding-type=url`). */
function textOf({ query }: S3Request): (text: string) => string {
  const encoding = query['encoding-type'];
  if (encoding === undefined) return (text) => text;
  if (encoding !== 'url') throw invalid('encoding-type', 'Invalid Encoding Method specified in Request');
  return (text) =>
    encodeURIComponent(text)
      .replace(/%20/g, '+')
      .replace(/%2F/g, '/')
      .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function pageMax(query: S3Request['query'], name: string): number {
  return Math.min(PAGE_MAX, wholeNumber(query, name) ?? PAGE_MAX);
}

function wholeNumber(query: S3Request['query'], name: string): number | undefined {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  if (!/^\d{1,10}$/.test(value)) throw invalid(name, `Provided ${name} not an integer or within integer range`);
  return Number(value);
}

const TOKEN_START = 'model.';

/** Not a key, since tokens of real stores are none either. */
function toToken(lastKey: string): string {
  return Buffer.from(TOKEN_START + lastKey).toString('base64');
}

function fromToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString();
  if (!text.startsWith(TOKEN_START))
    throw invalid('continuation-token', 'The continuation token provided is incorrect');
  return text.slice(TOKEN_START.length);
}

function invalid(argument: string, message: string): S3Refusal {
  return new S3Refusal('InvalidArgument', { message, fields: [['ArgumentName', argument]] });
}
