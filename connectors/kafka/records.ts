import type { RecordColumns, RecordHeaders } from '../../core/spi.ts';

/**
 * Walks the records of one batch (version 2) between `start` and `end`: fields of the current record as positions in
 * `bytes`, -1 as the start of null. For everything but the raw lane, which has a loop of its own.
 * `next` returns false for anything that is not a whole record, too: the caller counts.
 */
export class RecordCursor {
  readonly bytes: Buffer;
  readonly #end: number;
  #at: number;
  timestampDelta = 0;
  offsetDelta = 0;
  keyStart = -1;
  keyEnd = 0;
  valueStart = -1;
  valueEnd = 0;
  headersStart = 0;
  /** Where the record ends. */
  recordEnd = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Where the next record begins. */
  get at(): number {
    return this.#at;
  }

  next(): boolean {
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.#end) return false;
    this.#at++; // attributes: unused
    this.timestampDelta = varlongAt(this.bytes, this.#at, end);
    this.#skipVarint();
    this.offsetDelta = this.#varint();
    const keyLength = this.#varint();
    this.keyStart = keyLength < 0 ? -1 : this.#at;
    this.keyEnd = this.#at += Math.max(0, keyLength);
    const valueLength = this.#varint();
    this.valueStart = valueLength < 0 ? -1 : this.#at;
    this.valueEnd = this.#at += Math.max(0, valueLength);
    this.headersStart = this.#at;
    this.recordEnd = end;
    // The number of headers takes at least one byte.
    if (this.#at >= end || keyLength < -1 || valueLength < -1) return false;
    this.#at = end;
    return true;
  }

  /** Names and values in the order written, repeats included; undefined when they do not end with the record. */
  headers(start = this.headersStart, end = this.recordEnd): RecordHeaders | undefined {
    const resumeAt = this.#at;
    this.#at = start;
    const headers: (readonly [string, Buffer | null])[] = [];
    const count = this.#varint();
    let intact = count >= 0 && count <= end - this.#at;
    for (let index = 0; intact && index < count; index++) {
      const nameLength = this.#varint();
      const nameStart = this.#at;
      this.#at += Math.max(0, nameLength);
      const valueLength = this.#varint();
      const valueStart = this.#at;
      this.#at += Math.max(0, valueLength);
      intact = nameLength >= 0 && valueLength >= -1 && this.#at <= end;
      if (!intact) break;
      const name = this.bytes.toString('utf8', nameStart, nameStart + nameLength);
      headers.push([name, valueLength < 0 ? null : this.bytes.subarray(valueStart, valueStart + valueLength)]);
    }
    intact &&= this.#at === end;
    this.#at = resumeAt;
    return intact ? headers : undefined;
  }

  /** A zigzag varint of at most 5 bytes; a longer one leaves nonsense that the bounds of the record catch. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  #skipVarint(): void {
    for (let index = 0; index < 10 && this.#byte() >= 128; index++) {}
  }

  /** Beyond the end everything is 0, so that no walk runs on. */
  #byte(): number {
    const at = this.#at++;
    return at < this.#end ? (this.bytes[at] as number) : 0;
  }
}

/** Where the offsets and times of a batch count from. */
export interface BatchBase {
  readonly offset: number;
  readonly timestampMs: number;
  /** All records have the time of the batch. */
  readonly isLogAppendTime: boolean;
}

/** The same as `walkValues`, with keys, timestamps, offsets, and where headers lie. */
export function walkRecords(
  bytes: Uint8Array,
  from: number,
  end: number,
  { skip, count, base }: { readonly skip: number; readonly count: number; readonly base: BatchBase },
  into: RecordColumns,
): number {
  const { start: starts, end: ends, keyStart, keyEnd, timestampMs, offset, headersStart, headersEnd } = into;
  const { offset: baseOffset, timestampMs: baseMs, isLogAppendTime } = base;
  const total = skip + count;
  let at = from;
  for (let index = 0; index < total; index++) {
    // As in `walkValues`: what is read behind `end` cannot come out as a record inside it.
    let byte = bytes[at++] as number;
    let zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const recordEnd = at + ((zigzag >>> 1) ^ -(zigzag & 1));
    if (recordEnd > end || recordEnd < at) return -1 - index;
    at++; // attributes

    const deltaAt = at;
    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 28; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    let deltaMs = (zigzag >>> 1) ^ -(zigzag & 1);
    if (byte >= 128) {
      // Further away than 37 hours: rare enough.
      deltaMs = varlongAt(bytes, deltaAt, recordEnd);
      at = deltaAt;
      while ((bytes[at++] as number) >= 128 && at < recordEnd) {}
    }

    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const offsetDelta = (zigzag >>> 1) ^ -(zigzag & 1);

    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const keyBytes = (zigzag >>> 1) ^ -(zigzag & 1);
    if (keyBytes < -1) return -1 - index;
    const keyAt = keyBytes < 0 ? -1 : at;
    if (keyBytes > 0) at += keyBytes;
    const keyEndAt = at;

    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const valueBytes = (zigzag >>> 1) ^ -(zigzag & 1);
    const valueEnd = valueBytes > 0 ? at + valueBytes : at;
    // The number of headers takes at least one byte.
    if (valueEnd >= recordEnd || valueBytes < -1) return -1 - index;
    const to = index - skip;
    if (to >= 0) {
      starts[to] = valueBytes < 0 ? -1 : at;
      ends[to] = valueEnd;
      keyStart[to] = keyAt;
      keyEnd[to] = keyEndAt;
      timestampMs[to] = isLogAppendTime ? baseMs : baseMs + deltaMs;
      offset[to] = baseOffset + offsetDelta;
      headersStart[to] = valueEnd;
      headersEnd[to] = recordEnd;
    }
    at = recordEnd;
  }
  return at;
}

/** A zigzag varint of at most 10 bytes, exact up to 2^53. */
function varlongAt(bytes: Uint8Array, from: number, end: number): number {
  let value = 0;
  for (let at = from, scale = 1; at < end && at < from + 10; at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 127) * scale;
    if (byte < 128) break;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export interface ValueTargets {
  start: Int32Array;
  end: Int32Array;
}

/**
 * The raw lane: where the values of `count` records between `from` and `end` lie, leaving out the first `skip`.
 * Null: start -1 and end behind its length. Allocates nothing. Returns where the last record ends, or -1 - index of the first
 * record that is not what it claims to be.
 */
export function walkValues(
  bytes: Uint8Array,
  from: number,
  end: number,
  skip: number,
  count: number,
  into: ValueTargets,
): number {
  const { start: starts, end: ends } = into;
  const total = skip + count;
  let at = from;
  for (let index = 0; index < total; index++) {
    // Every varint here is one byte in nearly all records, and none needs more than is checked below: what is read behind
    // `end` cannot come out as a record inside it.
    let byte = bytes[at++] as number;
    let zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const recordEnd = at + ((zigzag >>> 1) ^ -(zigzag & 1));
    if (recordEnd > end || recordEnd < at) return -1 - index;
    at++; // attributes
    while ((bytes[at++] as number) >= 128 && at < recordEnd) {} // timestamp delta
    while ((bytes[at++] as number) >= 128 && at < recordEnd) {} // offset delta
    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const keyBytes = (zigzag >>> 1) ^ -(zigzag & 1);
    if (keyBytes > 0) at += keyBytes;
    else if (keyBytes < -1) return -1 - index;
    byte = bytes[at++] as number;
    zigzag = byte & 127;
    for (let shift = 7; byte >= 128 && shift < 35; shift += 7) {
      byte = bytes[at++] as number;
      zigzag |= (byte & 127) << shift;
    }
    const valueBytes = (zigzag >>> 1) ^ -(zigzag & 1);
    const valueEnd = valueBytes > 0 ? at + valueBytes : at;
    // The number of headers takes at least one byte.
    if (valueEnd >= recordEnd || valueBytes < -1) return -1 - index;
    if (index >= skip) {
      starts[index - skip] = valueBytes < 0 ? -1 : at;
      ends[index - skip] = valueEnd;
    }
    at = recordEnd;
  }
  return at;
}
