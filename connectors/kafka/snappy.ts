import { CorruptData, OutputTooLarge } from './codec-errors.ts';
import type { Scratch } from './scratch.ts';

/** What the Java client writes before its blocks (`82 SNAPPY 00`); librdkafka and others write one raw block. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
const COPY_BYTES_MIN = 24;

/** Decompresses snappy, raw or in the framing of xerial's library. */
export function decompressSnappy(source: Buffer, bytesMax: number, scratch: Scratch): Buffer {
  const framed = source.length >= XERIAL_HEADER_BYTES && source.compare(XERIAL_MAGIC, 0, 8, 0, 8) === 0;
  if (!framed) {
    const { bytes, dataStart } = readLength(source, 0, source.length, bytesMax);
    const target = scratch.reserve(bytes, 0);
    decompressBlock(source, dataStart, source.length, target, 0, bytes);
    return target.subarray(0, bytes);
  }

  // First the lengths of all blocks, then one buffer for all of them.
  let total = 0;
  for (const block of xerialBlocks(source)) {
    total += readLength(source, block.start, block.end, bytesMax).bytes;
    if (total > bytesMax) throw new OutputTooLarge(bytesMax);
  }
  const target = scratch.reserve(total, 0);
  let written = 0;
  for (const block of xerialBlocks(source)) {
    const { bytes, dataStart } = readLength(source, block.start, block.end, bytesMax);
    decompressBlock(source, dataStart, block.end, target, written, written + bytes);
    written += bytes;
  }
  return target.subarray(0, total);
}

function* xerialBlocks(source: Buffer): Iterable<{ start: number; end: number }> {
  let at = XERIAL_HEADER_BYTES;
  while (at < source.length) {
    if (at + 4 > source.length) throw new CorruptData('snappy: block length is cut off');
    const start = at + 4;
    const end = start + source.readInt32BE(at);
    if (end <= start || end > source.length) throw new CorruptData('snappy: block overruns the data');
    yield { start, end };
    at = end;
  }
}

function readLength(
  source: Buffer,
  start: number,
  end: number,
  bytesMax: number,
): { bytes: number; dataStart: number } {
  let bytes = 0;
  for (let at = start, shift = 0; at < end && shift < 35; at++, shift += 7) {
    const byte = source[at] as number;
    bytes += (byte & 127) * 2 ** shift;
    if (byte < 128) {
      if (bytes > bytesMax) throw new OutputTooLarge(bytesMax);
      // Snappy's best is 64 bytes from 3; a length that lies must not reserve memory that never gets filled.
      if (bytes > (end - at) * 22 + 64)
        throw new CorruptData('snappy: the stated length cannot come from so few bytes');
      return { bytes, dataStart: at + 1 };
    }
  }
  throw new CorruptData('snappy: length is cut off');
}

function decompressBlock(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  first: number,
  last: number,
): void {
  let from = start;
  let to = first;
  while (from < end) {
    const tag = source[from++] as number;
    let length: number;
    let distance: number;
    switch (tag & 3) {
      case 0: {
        length = tag >> 2;
        if (length >= 60) {
          const count = length - 59;
          if (from + count > end) throw new CorruptData('snappy: literal length is cut off');
          length = source.readUIntLE(from, count);
          from += count;
        }
        length++;
        if (length > end - from || length > last - to) throw new CorruptData('snappy: literals overrun');
        if (length > COPY_BYTES_MIN) {
          source.copy(target, to, from, from + length);
          to += length;
          from += length;
        } else {
          for (const stop = from + length; from < stop; ) target[to++] = source[from++] as number;
        }
        continue;
      }
      case 1:
        if (from + 1 > end) throw new CorruptData('snappy: copy is cut off');
        length = 4 + ((tag >> 2) & 7);
        distance = ((tag >> 5) << 8) | (source[from++] as number);
        break;
      case 2:
        if (from + 2 > end) throw new CorruptData('snappy: copy is cut off');
        length = 1 + (tag >> 2);
        distance = source.readUInt16LE(from);
        from += 2;
        break;
      default:
        if (from + 4 > end) throw new CorruptData('snappy: copy is cut off');
        length = 1 + (tag >> 2);
        distance = source.readUInt32LE(from);
        from += 4;
    }
    if (distance === 0 || distance > to - first) throw new CorruptData('snappy: copy from before the start');
    if (length > last - to) throw new CorruptData('snappy: copy overruns');
    let at = to - distance;
    if (distance >= length && length > COPY_BYTES_MIN) {
      target.copyWithin(to, at, at + length);
      to += length;
    } else {
      for (const stop = to + length; to < stop; ) target[to++] = target[at++] as number;
    }
  }
  if (to !== last) throw new CorruptData('snappy: shorter than stated');
}
