import { crc32c } from '@node-rs/crc32';
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
  const encoded = records.map((record) => {
    delta = record.offsetDelta ?? delta + 1;
    const timestampMs = record.timestampMs ?? BASE_TIMESTAMP_MS;
    maxMs = Math.max(maxMs, timestampMs);
    return encodeRecord(record, timestampMs - baseMs, delta);
  });
  const { id, compress } = CODECS[codec];
  const body = compress(Buffer.concat(encoded));
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
export function encodeMarker(kind: 'commit' | 'abort', shape: BatchShape & { producerId: number }): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]);
  return encodeBatch([{ key, value: Buffer.alloc(6) }], { ...shape, transactional: true, control: true });
}

function encodeRecord(
  { key = null, value = null, headers = [] }: TestRecord,
  timestampDelta: number,
  delta: number,
): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(delta),
    lengthAndBytes(key),
    lengthAndBytes(value),
    varint(headers.length),
    ...headers.flatMap(([name, headerValue]) => [lengthAndBytes(name), lengthAndBytes(headerValue)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function lengthAndBytes(value: Buffer | string | null): Buffer {
  if (value === null) return varint(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** A zigzag varint of up to 64 bits. */
export function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
