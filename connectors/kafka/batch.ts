import { crc32c } from '@node-rs/crc32';
import { CODEC_NAMES } from './codecs.ts';

/** Bytes of a batch before its records (KIP-98, record batch version 2). */
export const BATCH_HEADER_BYTES = 61;
/** Offset and length, which the length does not count. */
const LENGTH_FROM = 12;
const MAGIC_AT = 16;
const CRC_FROM = 21;

/** A batch that is not what it should be. Callers add topic, partition and what to do. */
export class BadBatch extends Error {
  override readonly name = 'BadBatch';
  /** The offset at which reading stops. */
  readonly offset: number;
  readonly reason: 'format' | 'checksum' | 'oldFormat' | 'records' | 'tooLarge';

  constructor(reason: BadBatch['reason'], offset: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.offset = offset;
  }
}

/** The header of one batch inside a receive frame, read once. */
export interface BatchHeader {
  /** Where the batch begins and ends in the frame. */
  start: number;
  end: number;
  baseOffset: number;
  /** Stays when compaction removes the records. */
  lastOffset: number;
  leaderEpoch: number;
  attributes: number;
  baseTimestampMs: number;
  maxTimestampMs: number;
  producerId: number;
  /** Records that are really there. */
  count: number;
}

/**
 * Reads the header of the batch at `start`; undefined when no whole batch lies before `end` (brokers cut the last one).
 * Throws `BadBatch` for bytes that cannot be a batch. `offsetHint` is only for the message.
 */
export function readBatchHeader(
  bytes: Buffer,
  start: number,
  end: number,
  offsetHint: number,
): BatchHeader | undefined {
  if (end - start <= MAGIC_AT) return undefined;
  const batchEnd = batchEndAt(bytes, start, end, offsetHint);
  if (batchEnd > end) return undefined;
  const baseOffset = readLong(bytes, start);
  const count = bytes.readInt32BE(start + 57);
  const lastOffsetDelta = bytes.readInt32BE(start + 23);
  if (
    !Number.isSafeInteger(baseOffset) ||
    baseOffset < 0 ||
    lastOffsetDelta < 0 ||
    count < 0 ||
    count > lastOffsetDelta + 1
  ) {
    throw new BadBatch(
      'format',
      offsetHint,
      `${count} records at offsets ${baseOffset} to ${baseOffset + lastOffsetDelta}`,
    );
  }
  return {
    start,
    end: batchEnd,
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    leaderEpoch: bytes.readInt32BE(start + 12),
    attributes: bytes.readInt16BE(start + CRC_FROM),
    baseTimestampMs: readLong(bytes, start + 27),
    maxTimestampMs: readLong(bytes, start + 35),
    producerId: readLong(bytes, start + 43),
    count,
  };
}

/** Where the batch at `start` ends; may lie behind `end`. */
function batchEndAt(bytes: Buffer, start: number, end: number, offsetHint: number): number {
  const magic = bytes[start + MAGIC_AT] as number;
  if (magic < 2) {
    throw new BadBatch('oldFormat', offsetHint, `message format v${magic}, as written by Kafka before 0.11`);
  }
  if (magic > 2) throw new BadBatch('format', offsetHint, `unknown message format v${magic}`);
  const length = bytes.readInt32BE(start + 8);
  if (length < BATCH_HEADER_BYTES - LENGTH_FROM) throw new BadBatch('format', offsetHint, `batch of ${length} bytes`);
  // A length that reaches behind `end` is a cut batch, or a lie that shows when the same batch comes back alone.
  return length > end - start ? end + 1 : start + LENGTH_FROM + length;
}

export function codecOf(header: BatchHeader): number {
  return header.attributes & 7;
}

export function codecName(header: BatchHeader): string {
  return CODEC_NAMES[codecOf(header)] ?? `codec ${codecOf(header)}`;
}

/** The broker's clock stamped all records with `maxTimestampMs`. */
export function hasLogAppendTime(header: BatchHeader): boolean {
  return (header.attributes & 8) !== 0;
}

export function isTransactional(header: BatchHeader): boolean {
  return (header.attributes & 16) !== 0;
}

/** Holds transaction markers, never records for users. */
export function isControl(header: BatchHeader): boolean {
  return (header.attributes & 32) !== 0;
}

/**
 * Checks CRC32C, which covers everything behind it. Base offset, length, leader epoch and format version are not covered.
 */
export function checkBatch(bytes: Buffer, header: BatchHeader): void {
  const stated = bytes.readUInt32BE(header.start + 17);
  const actual = crc32c(bytes.subarray(header.start + CRC_FROM, header.end));
  if (stated === actual) return;
  throw new BadBatch(
    'checksum',
    header.baseOffset,
    `checksum ${hex(actual)} instead of ${hex(stated)} over ${header.end - header.start} bytes`,
  );
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function readLong(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
