import { gzipSync, zstdCompressSync } from 'node:zlib';

/** Simple compressors with matches, so that the decompressors of the connector meet every kind of element. */
interface Step {
  literals: Buffer;
  /** Undefined after the last literals. */
  match: { distance: number; length: number } | undefined;
}

const HASH_BYTES = 4;

function* steps(input: Buffer, { distanceMax, tailBytes }: { distanceMax: number; tailBytes: number }): Iterable<Step> {
  const seen = new Map<number, number>();
  let anchor = 0;
  let at = 0;
  while (at + Math.max(HASH_BYTES, tailBytes) < input.length) {
    const hash = input.readUInt32LE(at);
    const before = seen.get(hash);
    seen.set(hash, at);
    if (before === undefined || at - before > distanceMax) {
      at++;
      continue;
    }
    let length = HASH_BYTES;
    while (at + length < input.length - tailBytes && input[before + length] === input[at + length]) length++;
    yield { literals: input.subarray(anchor, at), match: { distance: at - before, length } };
    at += length;
    anchor = at;
  }
  yield { literals: input.subarray(anchor), match: undefined };
}

/** One LZ4 frame. `linked` lets blocks refer to earlier ones, `checksums` and `size` add what Kafka's clients leave out. */
export function compressLz4(
  input: Buffer,
  { linked = false, checksums = false, size = false }: { linked?: boolean; checksums?: boolean; size?: boolean } = {},
): Buffer {
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40]);
  header[4] = 0x40 | (linked ? 0 : 0x20) | (checksums ? 0x14 : 0) | (size ? 8 : 0);
  const parts: Buffer[] = [header];
  if (size) {
    const stated = Buffer.alloc(8);
    stated.writeBigUInt64LE(BigInt(input.length));
    parts.push(stated);
  }
  parts.push(Buffer.from([0])); // header checksum: not looked at
  const blockBytes = 64 * 1024;
  for (let at = 0; at < input.length; at += blockBytes) {
    const block = lz4Block(input.subarray(at, at + blockBytes));
    const plain = input.subarray(at, at + blockBytes);
    const word = Buffer.alloc(4);
    const smaller = block.length < plain.length;
    word.writeUInt32LE(smaller ? block.length : (plain.length | 0x80000000) >>> 0);
    parts.push(word, smaller ? block : plain);
    if (checksums) parts.push(Buffer.alloc(4));
  }
  parts.push(Buffer.alloc(4));
  if (checksums) parts.push(Buffer.alloc(4));
  return Buffer.concat(parts);
}

function lz4Block(input: Buffer): Buffer {
  const bytes: number[] = [];
  const more = (rest: number) => {
    let left = rest;
    for (; left >= 255; left -= 255) bytes.push(255);
    bytes.push(left);
  };
  // The format wants the last 5 bytes to be literals and no match in the last 12.
  for (const { literals, match } of steps(input, { distanceMax: 65_535, tailBytes: 12 })) {
    const matchCode = match === undefined ? 0 : match.length - 4;
    bytes.push((Math.min(15, literals.length) << 4) | Math.min(15, matchCode));
    if (literals.length >= 15) more(literals.length - 15);
    bytes.push(...literals);
    if (match === undefined) break;
    bytes.push(match.distance & 255, match.distance >> 8);
    if (matchCode >= 15) more(matchCode - 15);
  }
  return Buffer.from(bytes);
}

/** One raw snappy block, as librdkafka writes it. */
function compressSnappy(input: Buffer): Buffer {
  const bytes: number[] = [];
  for (let rest = input.length; ; rest >>>= 7) {
    if (rest < 128) {
      bytes.push(rest);
      break;
    }
    bytes.push((rest & 127) | 128);
  }
  for (const { literals, match } of steps(input, { distanceMax: 1 << 20, tailBytes: 0 })) {
    for (let at = 0; at < literals.length; at += 1 << 16) {
      const piece = literals.subarray(at, at + (1 << 16));
      const code = piece.length - 1;
      if (code < 60) bytes.push(code << 2);
      else if (code < 256) bytes.push(60 << 2, code);
      else bytes.push(61 << 2, code & 255, code >> 8);
      bytes.push(...piece);
    }
    if (match === undefined) break;
    let left = match.length;
    while (left > 0) {
      // Never leaves less than 4, so that every kind of copy can be used.
      const length = left > 64 ? (left < 68 ? left - 4 : 64) : left;
      const { distance } = match;
      if (length >= 4 && length <= 11 && distance < 2048) {
        bytes.push(1 | ((length - 4) << 2) | ((distance >> 8) << 5), distance & 255);
      } else if (distance < 65_536) {
        bytes.push(2 | ((length - 1) << 2), distance & 255, distance >> 8);
      } else {
        bytes.push(
          3 | ((length - 1) << 2),
          distance & 255,
          (distance >> 8) & 255,
          (distance >> 16) & 255,
          distance >>> 24,
        );
      }
      left -= length;
    }
  }
  return Buffer.from(bytes);
}

/** The framing of xerial's library, as the Java client writes it: blocks of 32 KiB. */
export function compressXerial(input: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let at = 0; at < input.length; at += 32 * 1024) {
    const block = compressSnappy(input.subarray(at, at + 32 * 1024));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

export type CodecKind = 'none' | 'gzip' | 'snappy' | 'xerial' | 'lz4' | 'zstd';

export const CODECS: Record<CodecKind, { id: number; compress(input: Buffer): Buffer }> = {
  none: { id: 0, compress: (input) => input },
  gzip: { id: 1, compress: (input) => gzipSync(input) },
  snappy: { id: 2, compress: compressSnappy },
  xerial: { id: 2, compress: compressXerial },
  lz4: { id: 3, compress: (input) => compressLz4(input) },
  zstd: { id: 4, compress: (input) => zstdCompressSync(input) },
};
