import { isUtf8 } from 'node:buffer';
import { type RawNumber, rawNumber } from '../formats/exact-json.ts';

/** Types inside of themselves; the stack holds several times as many. */
const DEPTH_MAX = 256;
/** Items that take no byte, such as nulls: nothing but this says how many may come of a few bytes. */
const EMPTY_ITEMS_MAX = 65_536;
const LOW_BITS = 28;
const LOW_RANGE = 2 ** LOW_BITS;
const INT_LOOP_BYTES = 5;

/** Why bytes are not a value of their schema. */
export class ValueProblem extends Error {
  /** The fields that it is inside of, from the outside in. */
  readonly path: string[] = [];
}

/** A cursor over one value in Avro's binary encoding. Every read is checked against the end; throws `ValueProblem`. */
export class AvroInput {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #depth = 0;
  #emptyItems = 0;

  begin(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = bytes.length;
    this.#depth = 0;
    this.#emptyItems = 0;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  fail(why: string): never {
    throw new ValueProblem(`${why} (byte ${Math.min(this.#at, this.#end)} of ${this.#end})`);
  }

  /** Around what contains itself. */
  enter(): void {
    if (++this.#depth > DEPTH_MAX) this.fail(`more than ${DEPTH_MAX} records inside each other`);
  }

  leave(): void {
    this.#depth--;
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) this.fail(`the byte ${byte} where a boolean is expected`);
    return byte === 1;
  }

  int(): number {
    const bytes = this.#bytes;
    let byte = this.#byte();
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let read = 1; ; read++) {
      if (this.#at >= this.#end) this.#tooShort('an int');
      byte = bytes[this.#at++] as number;
      // The fifth byte holds the last four bits.
      if (read === INT_LOOP_BYTES - 1 && byte > 0xf) this.fail('an int of more than 32 bits');
      value |= (byte & 0x7f) << (7 * read);
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  }

  /** A number where that is exact, else its digits. */
  long(): number | RawNumber {
    const bytes = this.#bytes;
    const first = this.#byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    const start = this.#at - 1;
    const end = this.#end;
    let at = this.#at;
    let byte = first;
    let low = first & 0x7f;
    for (let shift = 7; shift < LOW_BITS && byte >= 0x80; shift += 7) {
      if (at >= end) this.#tooShort('a long');
      byte = bytes[at++] as number;
      low |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let shift = 0; shift < LOW_BITS && byte >= 0x80; shift += 7) {
      if (at >= end) this.#tooShort('a long');
      byte = bytes[at++] as number;
      high |= (byte & 0x7f) << shift;
    }
    this.#at = at;
    if (byte >= 0x80) return this.#longest(start);
    // Zig-zag: the lowest bit is the sign, and the rest is halved without a digit lost.
    const half = Math.floor(high / 2) * LOW_RANGE + (low >>> 1) + (high & 1) * (LOW_RANGE / 2);
    const value = (low & 1) === 1 ? -half - 1 : half;
    return Number.isSafeInteger(value) ? value : this.#longest(start);
  }

  float(): number {
    const at = this.#take(4, 'a float');
    return this.#bytes.readFloatLE(at);
  }

  double(): number {
    const at = this.#take(8, 'a double');
    return this.#bytes.readDoubleLE(at);
  }

  string(): string {
    const length = this.#length('a string');
    const at = this.#take(length, 'a string');
    const text = this.#bytes.toString('utf8', at, at + length);
    // What is no UTF-8 is decoded as U+FFFD; only where there is one, it has to be told from one that was written.
    if (text.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(at, at + length)))
      this.fail('a string that is not UTF-8');
    return text;
  }

  /** A view behind its length. */
  sizedBytes(): Buffer {
    return this.bytes(this.#length('bytes'));
  }

  /** A view. */
  bytes(length: number): Buffer {
    const at = this.#take(length, 'bytes');
    return this.#bytes.subarray(at, at + length);
  }

  /** How many items follow in this block of an array or map; 0 at its end. */
  blockCount(itemBytesMin: number): number {
    let count = this.#small('a count of items');
    if (count === 0) return 0;
    if (count < 0) {
      count = -count;
      const blockBytes = this.#small('a length of items');
      if (blockBytes < 0 || blockBytes > this.left)
        this.fail(`items of ${blockBytes} bytes where ${this.left} are left`);
    }
    if (itemBytesMin === 0) {
      this.#emptyItems += count;
      if (this.#emptyItems > EMPTY_ITEMS_MAX) this.fail(`more than ${EMPTY_ITEMS_MAX} items without a byte`);
    } else if (count * itemBytesMin > this.left) this.fail(`${count} items where ${this.left} bytes are left`);
    return count;
  }

  #length(what: string): number {
    const length = this.#small(`the length of ${what}`);
    if (length < 0) this.fail(`${what} of ${length} bytes`);
    return length;
  }

  #small(what: string): number {
    const value = this.long();
    return typeof value === 'number' ? value : this.fail(`${value.rawJSON} as ${what}`);
  }

  #byte(): number {
    if (this.#at >= this.#end) this.#tooShort('a value');
    return this.#bytes[this.#at++] as number;
  }

  #take(length: number, what: string): number {
    const at = this.#at;
    if (length > this.#end - at) this.fail(`${what} of ${length} bytes where ${this.left} are left`);
    this.#at = at + length;
    return at;
  }

  #longest(start: number): RawNumber {
    const bytes = this.#bytes;
    let value = 0n;
    let at = start;
    for (let shift = 0n; ; shift += 7n) {
      if (at >= this.#end) this.#tooShort('a long');
      const byte = bytes[at++] as number;
      this.#at = at;
      // The tenth byte holds the last bit.
      if (shift === 63n && byte > 1) this.fail('a long of more than 64 bits');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return rawNumber(String((value >> 1n) ^ -(value & 1n)));
  }

  #tooShort(what: string): never {
    this.fail(`the end inside ${what}`);
  }
}
