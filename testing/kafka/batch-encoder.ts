import { crc32c } from '@node-rs/crc32';
import { WireWriter } from '../../connectors/kafka/wire.ts';
import { CODECS, type CodecKind } from './compressors.ts';

export interface TestRecord {
  key?: Buffer | string | null;
  value?: Buffer | string | null;
  headers?: readonly (readonly [name: string, value: Buffer | string | null])[];
  timestampMs?: number;
  /** Relative to the batch; one after the last by default. */
  offsetDelta?: number;
}

export interface BatchShape {
  baseOffset?: number;
  /** Larger than the last record's when compaction removed records at the end. */
  lastOffsetDelta?: number;
  leaderEpoch?: number;
  codec?: CodecKind;
  producerId?: number;
  transactional?: boolean;
  control?: boolean;
  logAppendTimeMs?: number;
  magic?: number;
  /** Lies about the number of records. */
  statedCount?: number;
}

const BASE_TIMESTAMP_MS = 1_700_000_000_000;

/** One record batch, version 2, as brokers store it. */
export function encodeBatch(records: readonly TestRecord[], shape: BatchShape = {}): Buffer {
  const { baseOffset = 0, leaderEpoch = 0, codec = 'none', producerId = -1 } = shape;
  const baseMs = records[0]?.timestampMs ?? BASE_TIMESTAMP_MS;
  let delta = -1;
  let maxMs = baseMs;
  const plain = new WireWriter(records.length * 64);
  for (const record of records) {
    delta = record.offsetDelta ?? delta + 1;
    const timestampMs = record.timestampMs ?? BASE_TIMESTAMP_MS;
    maxMs = Math.max(maxMs, timestampMs);
    writeRecord(plain, record, timestampMs - baseMs, delta);
  }
  const { id, compress } = CODECS[codec];
  const body = compress(plain.done());
  const batch = Buffer.alloc(61 + body.length);
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(leaderEpoch, 12);
  batch.writeInt8(shape.magic ?? 2, 16);
  const flags =
    id | (shape.logAppendTimeMs === undefined ? 0 : 8) | (shape.transactional ? 16 : 0) | (shape.control ? 32 : 0);
  batch.writeInt16BE(flags, 21);
  batch.writeInt32BE(shape.lastOffsetDelta ?? Math.max(0, delta), 23);
  batch.writeBigInt64BE(BigInt(baseMs), 27);
  batch.writeBigInt64BE(BigInt(shape.logAppendTimeMs ?? maxMs), 35);
  batch.writeBigInt64BE(BigInt(producerId), 43);
  batch.writeInt16BE(producerId < 0 ? -1 : 0, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(shape.statedCount ?? records.length, 57);
  body.copy(batch, 61);
  return seal(batch);
}

/** Makes the checksum right again after bytes were changed. */
export function seal(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** The control batch that ends a transaction. */
export function encodeMarker(
  kind: 'commit' | 'abort',
  { timestampMs = BASE_TIMESTAMP_MS, ...shape }: BatchShape & { producerId: number; timestampMs?: number },
): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]);
  return encodeBatch([{ key, value: Buffer.alloc(6), timestampMs }], { ...shape, transactional: true, control: true });
}

function writeRecord(
  writer: WireWriter,
  { key = null, value = null, headers = [] }: TestRecord,
  timestampDelta: number,
  delta: number,
): void {
  const parts = [key, value, ...headers.flat()].map((part) => (part === null ? null : Buffer.from(part)));
  let size = 1 + varintBytes(timestampDelta) + varintBytes(delta) + varintBytes(headers.length);
  for (const part of parts) size += varintBytes(part?.length ?? -1) + (part?.length ?? 0);
  writeVarint(writer, size);
  writer.i8(0);
  writeVarint(writer, timestampDelta);
  writeVarint(writer, delta);
  for (const [index, part] of parts.entries()) {
    if (index === 2) writeVarint(writer, headers.length);
    writeVarint(writer, part?.length ?? -1);
    if (part !== null) writer.raw(part);
  }
  if (parts.length === 2) writeVarint(writer, 0);
}

function writeVarint(writer: WireWriter, value: number): void {
  // Zigzag, in 32 bits where they do.
  if (Math.abs(value) < 2 ** 30) writer.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0);
  else writer.raw(varint(value));
}

function varintBytes(value: number): number {
  if (value >= -64 && value < 64) return 1;
  if (value >= -8192 && value < 8192) return 2;
  return varint(value).length;
}

/** A zigzag varint of up to 64 bits. */
export function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
