import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { notModelled, S3Refusal } from './errors.ts';
import type { S3Request } from './http.ts';

/** A body as it was meant, after every check that the request asks for. */
export interface Payload {
  readonly body: Buffer;
  /** Base64; undefined when the sender gave none. */
  readonly crc32: string | undefined;
}

/** Of every chunk of an aws-chunked body but the last. */
const CHUNK_BYTES_MIN = 8_192;

const OTHER_CHECKSUMS = ['crc32c', 'crc64nvme', 'sha1', 'sha256', 'sha512', 'md5', 'xxhash3', 'xxhash64', 'xxhash128'];

/** Throws `S3Refusal` when the body is not what its headers, or the trailer behind it, say. */
export function receivedPayload({ headers, body: received }: S3Request): Payload {
  const declared = headers['content-length'];
  const signedHash = headers['x-amz-content-sha256'];
  const isChunked = signedHash?.startsWith('STREAMING-') || hasEncoding(headers, 'aws-chunked');
  if (declared === undefined && !isChunked) throw new S3Refusal('MissingContentLength');
  if (declared !== undefined && Number(declared) !== received.length) throw new S3Refusal('IncompleteBody');
  if (headers.authorization !== undefined && signedHash === undefined)
    throw new S3Refusal('InvalidRequest', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    });

  const { body, trailer } = isChunked ? unchunked(received, headers) : { body: received, trailer: {} };
  if (signedHash !== undefined && /^[0-9a-f]{64}$/.test(signedHash) && hash('sha256', body, 'hex') !== signedHash)
    throw new S3Refusal('XAmzContentSHA256Mismatch');
  checkMd5(headers['content-md5'], body);
  const claimed = { ...headers, ...trailer };
  for (const name of OTHER_CHECKSUMS)
    if (claimed[`x-amz-checksum-${name}`] !== undefined) throw notModelled(`x-amz-checksum-${name}`);
  const crc = claimed['x-amz-checksum-crc32'];
  if (crc === undefined && headers['x-amz-sdk-checksum-algorithm'] !== undefined)
    throw new S3Refusal('InvalidRequest', {
      message:
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    });
  checkCrc32(crc, body);
  return { body, crc32: crc };
}

export function md5Hex(bytes: Uint8Array | string): string {
  return hash('md5', bytes, 'hex');
}

/** Base64 of the big-endian CRC-32, as in `x-amz-checksum-crc32`. */
export function crc32Base64(bytes: Uint8Array): string {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
}

/** Throws `S3Refusal` unless `claimed` is undefined or the checksum of `body`. */
export function checkCrc32(claimed: string | undefined, body: Uint8Array): void {
  if (claimed === undefined) return;
  if (Buffer.from(claimed, 'base64').length !== 4)
    throw new S3Refusal('InvalidRequest', { message: 'Value for x-amz-checksum-crc32 header is invalid.' });
  if (claimed !== crc32Base64(body))
    throw new S3Refusal('BadDigest', { message: 'The CRC32 you specified did not match the calculated checksum.' });
}

function checkMd5(claimed: string | undefined, body: Uint8Array): void {
  if (claimed === undefined) return;
  if (Buffer.from(claimed, 'base64').length !== 16) throw new S3Refusal('InvalidDigest');
  if (claimed !== hash('md5', body, 'base64')) throw new S3Refusal('BadDigest');
}

function hash(algorithm: string, bytes: Uint8Array | string, encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

function hasEncoding(headers: S3Request['headers'], encoding: string): boolean {
  return encodings(headers).includes(encoding);
}

/** Of the header `content-encoding`, outermost last. */
export function encodings(headers: S3Request['headers']): string[] {
  return (headers['content-encoding'] ?? '')
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '');
}

/** `<hex length>[;chunk-signature=..]\r\n<bytes>\r\n ... 0\r\n<trailer>\r\n\r\n`; signatures count for nothing here. */
function unchunked(received: Buffer, headers: S3Request['headers']): { body: Buffer; trailer: Record<string, string> } {
  const chunks: Buffer[] = [];
  let at = 0;
  const line = () => {
    const end = received.indexOf('\r\n', at);
    if (end < 0) throw new S3Refusal('IncompleteBody');
    const text = received.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  for (;;) {
    const length = Number.parseInt(line(), 16);
    if (Number.isNaN(length) || at + length > received.length) throw new S3Refusal('IncompleteBody');
    if (length === 0) break;
    if ((chunks.at(-1)?.length ?? CHUNK_BYTES_MIN) < CHUNK_BYTES_MIN) throw new S3Refusal('InvalidChunkSizeError');
    chunks.push(received.subarray(at, at + length));
    at += length;
    if (line() !== '') throw new S3Refusal('IncompleteBody');
  }
  const trailer: Record<string, string> = {};
  while (at < received.length) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/.exec(line()) ?? [];
    if (name !== '') trailer[name.toLowerCase()] = value.trim();
  }
  const body = Buffer.concat(chunks);
  if (Number(headers['x-amz-decoded-content-length']) !== body.length) throw new S3Refusal('IncompleteBody');
  const promised = headers['x-amz-trailer'];
  if (promised !== undefined && trailer[promised] === undefined) throw new S3Refusal('IncompleteBody');
  return { body, trailer };
}
