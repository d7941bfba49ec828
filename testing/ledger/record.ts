/** What one numbered record says about itself. */
export interface NumberedRecord {
  topic: string;
  partition: number;
  /** Counts from 0 within the partition, over all producers. */
  sequence: number;
  /** What its producer meant to do with it: an `abort` must never be seen. */
  planned: 'commit' | 'abort';
  /** When it happened, in seconds since 1970: `"e":3600`, for outputs that are sorted by that. A reader leaves it alone. */
  eventS?: number;
}

const padSource = makePadSource(64 * 1024);
/** Bytes of `,"h":"` + 8 hex digits + `"}`. */
const tailBytes = 16;
const hashPrefix = Buffer.from(',"h":"');

/**
 * One line of JSON, without the newline, padded to `valueBytes` (longer where the fields alone need more):
 * `{"t":"clicks","p":3,"s":120,"x":"commit","pad":"...","h":"9d0c41aa"}`. The hash covers everything before it.
 */
export function encodeRecord(record: NumberedRecord, valueBytes: number): Buffer {
  const { topic, partition, sequence, planned, eventS } = record;
  const event = eventS === undefined ? '' : `"e":${eventS},`;
  const head = `{"t":"${topic}","p":${partition},"s":${sequence},"x":"${planned}",${event}"pad":"`;
  const padBytes = Math.max(0, valueBytes - head.length - 1 - tailBytes);
  const value = Buffer.allocUnsafe(head.length + padBytes + 1 + tailBytes);
  value.write(head, 0, 'latin1');
  // Differs from record to record, so that a compressor does not find one and the same line for ever.
  for (let at = 0, from = (sequence * 131 + partition * 7919) % padSource.length; at < padBytes; from = 0) {
    at += padSource.copy(value, head.length + at, from, from + padBytes - at);
  }
  const hashed = value.length - tailBytes;
  value[hashed - 1] = 0x22;
  hashPrefix.copy(value, hashed);
  const hash = fnv1a(value, 0, hashed).toString(16).padStart(8, '0');
  value.write(`${hash}"}`, hashed + hashPrefix.length, 'latin1');
  return value;
}

/** Reads records byte by byte, without a string or an object per record: the fields hold the last one that `read` accepted. */
export class RecordReader implements NumberedRecord {
  topic = '';
  partition = 0;
  sequence = 0;
  planned: 'commit' | 'abort' = 'commit';
  #topicBytes = Buffer.alloc(0);
  #at = 0;

  /** Whether `bytes[start..end)` is exactly one whole record. */
  read(bytes: Buffer, start: number, end: number): boolean {
    const hashed = end - tailBytes;
    if (hashed <= start || bytes[end - 2] !== 0x22 || bytes[end - 1] !== 0x7d) return false;
    for (let i = 0; i < hashPrefix.length; i++) if (bytes[hashed + i] !== hashPrefix[i]) return false;
    const hash = hexNumber(bytes, hashed + hashPrefix.length);
    if (hash !== fnv1a(bytes, start, hashed)) return false;
    this.#at = start;
    if (!this.#skip(bytes, '{"t":"')) return false;
    this.#readTopic(bytes, hashed);
    if (!this.#skip(bytes, '","p":')) return false;
    this.partition = this.#number(bytes);
    if (!this.#skip(bytes, ',"s":')) return false;
    this.sequence = this.#number(bytes);
    if (!this.#skip(bytes, ',"x":"')) return false;
    const plan = bytes[this.#at];
    this.planned = plan === 0x61 ? 'abort' : 'commit';
    return plan === 0x61 || plan === 0x63;
  }

  #skip(bytes: Buffer, literal: string): boolean {
    for (let i = 0; i < literal.length; i++) if (bytes[this.#at + i] !== literal.charCodeAt(i)) return false;
    this.#at += literal.length;
    return true;
  }

  #readTopic(bytes: Buffer, end: number): void {
    const known = this.#topicBytes;
    const from = this.#at;
    let same = known.length > 0 && bytes[from + known.length] === 0x22;
    for (let i = 0; same && i < known.length; i++) same = bytes[from + i] === known[i];
    if (!same) {
      let to = from;
      while (to < end && bytes[to] !== 0x22) to++;
      this.topic = bytes.toString('latin1', from, to);
      this.#topicBytes = Buffer.from(bytes.subarray(from, to));
    }
    this.#at += this.#topicBytes.length;
  }

  #number(bytes: Buffer): number {
    let value = 0;
    for (;;) {
      const digit = (bytes[this.#at] ?? 0) - 48;
      if (digit < 0 || digit > 9) return value;
      value = value * 10 + digit;
      this.#at++;
    }
  }
}

function hexNumber(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[at + i] ?? 0;
    const digit = byte <= 0x39 ? byte - 0x30 : byte - 0x57;
    if (digit < 0 || digit > 15) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function fnv1a(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}

function makePadSource(length: number): Buffer {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-';
  const source = Buffer.alloc(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    source[i] = letters.charCodeAt(state >>> 26);
  }
  return source;
}
