// What is kept beside an open file: blocks of plain values and records, each block behind its length.
import { assert } from '../../core/spi.ts';
import { ByteWriter } from './byte-writer.ts';
import type { FormatRecord } from './part-encoder.ts';

/** What an entry is. A record of the same partition as the one before it in its block does not name it again. */
const [VALUE, RECORD, RECORD_OF_SAME] = [0, 1, 2];
const NULL = -1;
const LENGTH_BYTES = 4;
/** A block ends with the record that makes it this large: it is read, and its records are taken in, without a break. */
const BLOCK_BYTES = 256 * 1024;

/** Writes blocks. */
export class JournalWriter {
  readonly #out = new ByteWriter();
  #blocks: Buffer[] = [];
  #blockBytes = 0;
  #topic: string | undefined;
  #partition = 0;

  /** Of what was written and not taken. */
  get bytes(): number {
    return this.#blockBytes + this.#out.length;
  }

  /** A plain value: what JSON has, bigints, bytes, and every number. */
  value(value: unknown): void {
    this.#out.byte(VALUE);
    this.#out.sizedText(JSON.stringify(value, toJson));
  }

  record(record: FormatRecord): void {
    const out = this.#out;
    const { topic, partition, key, value, headers } = record;
    const isOfSame = topic === this.#topic && partition === this.#partition;
    out.byte(isOfSame ? RECORD_OF_SAME : RECORD);
    if (!isOfSame) {
      out.sizedText(topic);
      out.zigzag(partition);
      this.#topic = topic;
      this.#partition = partition;
    }
    out.zigzag(record.offset);
    out.zigzag(record.timestampMs);
    this.#bytesOrNull(key);
    this.#bytesOrNull(value);
    out.zigzag(headers.length);
    for (const [name, bytes] of headers) {
      out.sizedText(name);
      this.#bytesOrNull(bytes);
    }
    if (out.length >= BLOCK_BYTES) this.#endBlock();
  }

  /** What was written since the last time. */
  take(): Buffer[] {
    if (this.#out.length > 0) this.#endBlock();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#blockBytes = 0;
    return blocks;
  }

  #endBlock(): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(this.#out.length);
    this.#blockBytes += LENGTH_BYTES + this.#out.length;
    this.#blocks.push(length, ...this.#out.take());
    this.#topic = undefined;
  }

  #bytesOrNull(bytes: Uint8Array | null): void {
    if (bytes === null) this.#out.zigzag(NULL);
    else this.#out.sizedBytes(bytes);
  }
}

/** What takes the entries of a journal in, in order. */
interface JournalVisitor {
  value(value: unknown): void;
  /** Its memory is the visitor's for the call only. */
  record(record: FormatRecord): void;
}

/** Makes the rest of a file from what its journal says. */
export interface FileEnder extends JournalVisitor {
  /** What follows the first `prefixBytes` of the file. */
  end(prefixBytes: number): Buffer[];
}

/** Reads a journal a piece at a time, wherever the pieces end. */
export async function readJournal(pieces: AsyncIterable<Buffer>, visitor: JournalVisitor): Promise<void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let neededBytes = LENGTH_BYTES;
  for await (const piece of pieces) {
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes < neededBytes) continue;
    let rest = Buffer.concat(waiting);
    neededBytes = bytesOfFirst(rest);
    for (; rest.length >= neededBytes; neededBytes = bytesOfFirst(rest)) {
      readBlock(rest.subarray(LENGTH_BYTES, neededBytes), visitor);
      rest = rest.subarray(neededBytes);
    }
    waiting = [rest];
    waitingBytes = rest.length;
  }
  assert(waitingBytes === 0, 'a journal ends with a block');
}

/** How many bytes have to be there for the first block. */
function bytesOfFirst(bytes: Buffer): number {
  return bytes.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + bytes.readUInt32LE();
}

function readBlock(block: Buffer, visitor: JournalVisitor): void {
  const fields = new FieldReader(block);
  let [topic, partition] = ['', 0];
  while (!fields.isAtEnd) {
    const kind = fields.byte();
    if (kind === VALUE) {
      visitor.value(JSON.parse(String(fields.bytesOrNull()), fromJson));
      continue;
    }
    if (kind === RECORD) [topic, partition] = [String(fields.bytesOrNull()), fields.zigzag()];
    visitor.record({
      ...{ topic, partition },
      offset: fields.zigzag(),
      timestampMs: fields.zigzag(),
      key: fields.bytesOrNull(),
      value: fields.bytesOrNull(),
      headers: Array.from({ length: fields.zigzag() }, () => [String(fields.bytesOrNull()), fields.bytesOrNull()]),
    });
  }
}

/** Reads what `ByteWriter` wrote. */
class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  /** A whole number that is exact in a double. */
  zigzag(): number {
    const first = this.byte();
    let magnitude = (first & 0x7f) >> 1;
    let scale = 64;
    for (let byte = first; byte >= 0x80; scale *= 128) {
      byte = this.byte();
      magnitude += (byte & 0x7f) * scale;
    }
    return first & 1 ? -magnitude - 1 : magnitude;
  }

  bytesOrNull(): Buffer | null {
    const length = this.zigzag();
    if (length === NULL) return null;
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    assert(bytes.length === length, 'a field lies in its block');
    this.#at += length;
    return bytes;
  }
}

function toJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (Object.is(value, -0)) return { $number: '-0' };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  return value;
}

function fromJson(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$bigint' in value) return BigInt(value.$bigint as string);
  if ('$bytes' in value) return new Uint8Array(Buffer.from(value.$bytes as string, 'base64'));
  if ('$number' in value) return Number(value.$number);
  return value;
}
