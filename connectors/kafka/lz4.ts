import { CorruptData, OutputTooLarge } from './codec-errors.ts';
import type { Scratch } from './scratch.ts';

const MAGIC = 0x184d2204;
/** Literals and matches shorter than this are cheaper to copy byte by byte. */
const COPY_BYTES_MIN = 24;
const BLOCK_BYTES_MAX = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];

/**
 * Decompresses one LZ4 frame (LZ4 Frame Format 1.6), with independent or linked blocks. Checksums are skipped: Kafka's
 * batch checksum covers the same bytes.
 */
export function decompressLz4(source: Buffer, bytesMax: number, scratch: Scratch): Buffer {
  if (source.length < 7 || source.readUInt32LE(0) !== MAGIC) throw new CorruptData('lz4: no frame starts here');
  const flags = source[4] as number;
  if (flags >> 6 !== 1) throw new CorruptData('lz4: unknown frame version');
  const blockBytesMax = BLOCK_BYTES_MAX[((source[5] as number) >> 4) & 7] as number;
  if (blockBytesMax === 0) throw new CorruptData('lz4: unknown block size');
  const blockTail = (flags & 0x10) !== 0 ? 4 : 0;
  let at = 6;
  let statedBytes: number | undefined;
  if ((flags & 0x08) !== 0) {
    if (source.length < 15) throw new CorruptData('lz4: frame header is cut off');
    statedBytes = Number(source.readBigUInt64LE(at));
    if (statedBytes > bytesMax) throw new OutputTooLarge(bytesMax);
    // The format's best is 255 bytes from one; a size that lies must not reserve memory that never gets filled.
    if (statedBytes > source.length * 255) throw new CorruptData('lz4: the stated size cannot come from so few bytes');
    at += 8;
  }
  if ((flags & 0x01) !== 0) throw new CorruptData('lz4: dictionaries are not used by Kafka');
  at++; // header checksum

  const guess = Math.max(scratch.lastBytes, source.length * 4, blockBytesMax);
  let target = scratch.reserve(statedBytes ?? Math.min(bytesMax, guess), 0);
  let limit = Math.min(statedBytes ?? bytesMax, target.length);
  let written = 0;
  for (;;) {
    if (at + 4 > source.length) throw new CorruptData('lz4: the frame has no end mark');
    const word = source.readUInt32LE(at);
    at += 4;
    if (word === 0) {
      scratch.lastBytes = written;
      return target.subarray(0, written);
    }
    const length = word & 0x7fffffff;
    if (length > blockBytesMax || at + length + blockTail > source.length)
      throw new CorruptData('lz4: block overruns the frame');
    if (statedBytes === undefined && limit - written < blockBytesMax && limit < bytesMax) {
      target = scratch.reserve(Math.min(bytesMax, Math.max(limit * 2, written + blockBytesMax)), written);
      limit = Math.min(bytesMax, target.length);
    }
    if (word >>> 31 === 1) {
      if (written + length > limit) throw new OutputTooLarge(bytesMax);
      source.copy(target, written, at, at + length);
      written += length;
    } else {
      written = decompressLz4Block(source, at, at + length, target, written, limit, bytesMax);
    }
    at += length + blockTail;
  }
}

/** Decompresses one block of `source` to `target` from `written` up to at most `limit`, and returns where it ends there. */
function decompressLz4Block(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  written: number,
  limit: number,
  bytesMax: number,
): number {
  let from = start;
  let to = written;
  while (from < end) {
    const token = source[from++] as number;
    let length = token >> 4;
    if (length === 15) {
      for (;;) {
        if (from >= end) throw new CorruptData('lz4: literal length is cut off');
        const more = source[from++] as number;
        length += more;
        if (more !== 255) break;
      }
    }
    if (length > 0) {
      if (length > end - from) throw new CorruptData('lz4: literals overrun the block');
      if (length > limit - to) throw new OutputTooLarge(bytesMax);
      if (length > COPY_BYTES_MIN) {
        source.copy(target, to, from, from + length);
        to += length;
        from += length;
      } else {
        for (const last = from + length; from < last; ) target[to++] = source[from++] as number;
      }
    }
    // Only the last sequence has no match.
    if (from === end) return to;

    if (from + 2 > end) throw new CorruptData('lz4: match is cut off');
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8);
    from += 2;
    let match = token & 15;
    if (match === 15) {
      for (;;) {
        if (from >= end) throw new CorruptData('lz4: match length is cut off');
        const more = source[from++] as number;
        match += more;
        if (more !== 255) break;
      }
    }
    match += 4;
    if (distance === 0 || distance > to) throw new CorruptData('lz4: match before the start');
    if (match > limit - to) throw new OutputTooLarge(bytesMax);
    let at = to - distance;
    if (distance >= match && match > COPY_BYTES_MIN) {
      target.copyWithin(to, at, at + match);
      to += match;
    } else {
      for (const last = to + match; to < last; ) target[to++] = target[at++] as number;
    }
  }
  return to;
}
