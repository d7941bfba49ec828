import type { RowType, RowValue } from '../row-schema.ts';
import { elementOf } from './schema.ts';

const BYTES_FIRST = 256;
/** Strings of up to so many characters are written faster here than by a call into native code. */
const SHORT_STRING = 32;
/** Beginnings of byte arrays say their length. */
const LENGTH_BYTES = 4;

/** Values of a leaf in Parquet's PLAIN encoding. Not for booleans. */
export class PlainValues {
  #buffer = Buffer.allocUnsafe(BYTES_FIRST);
  #length = 0;
  readonly #write: (value: RowValue) => void;
  /** Bytes before a value that are not part of it. */
  readonly #prefixBytes: number;

  constructor(type: RowType) {
    this.#write = this.#writerOf(type);
    this.#prefixBytes = type.kind === 'string' || type.kind === 'json' || type.kind === 'bytes' ? LENGTH_BYTES : 0;
  }

  /** Replaced as it grows. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  get length(): number {
    return this.#length;
  }

  /** All that is written, until the next `put`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Gives where the value itself begins in `buffer`; it ends at `length`. */
  put(value: RowValue): number {
    const start = this.#length + this.#prefixBytes;
    this.#write(value);
    return start;
  }

  /** Begins anew, and lets the memory go. */
  clear(): void {
    this.#buffer = Buffer.allocUnsafe(BYTES_FIRST);
    this.#length = 0;
  }

  #writerOf(type: RowType): (value: RowValue) => void {
    switch (type.kind) {
      case 'string':
      case 'json':
        return (value) => this.#string(value as string);
      case 'bytes':
        return (value) => this.#bytes(value as Uint8Array);
      case 'int32':
      case 'date':
        return (value) => this.#int32(value as number);
      case 'int64':
      case 'timestamp':
        return (value) => this.#int64(value as number | bigint);
      case 'float32':
        return (value) => {
          this.#ensure(4);
          this.#length = this.#buffer.writeFloatLE(value as number, this.#length);
        };
      case 'float64':
        return (value) => {
          this.#ensure(8);
          this.#length = this.#buffer.writeDoubleLE(value as number, this.#length);
        };
      case 'decimal':
        return this.#decimalWriter(elementOf({ name: '', type, nullable: false }).type_length, type.precision);
      default:
        throw new Error(`no PLAIN encoding of ${type.kind}`);
    }
  }

  #decimalWriter(fixedBytes: number | undefined, precision: number): (value: RowValue) => void {
    if (fixedBytes !== undefined) return (value) => this.#bigEndian(value as bigint, fixedBytes);
    if (elementOf({ name: '', type: { kind: 'decimal', precision, scale: 0 }, nullable: false }).type === 'INT32')
      return (value) => this.#int32(Number(value));
    return (value) => this.#int64(value as bigint);
  }

  #ensure(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.bytes);
    this.#buffer = larger;
  }

  #string(text: string): void {
    const start = this.#length + LENGTH_BYTES;
    this.#ensure(LENGTH_BYTES + text.length * 3);
    let end = start;
    if (text.length <= SHORT_STRING) {
      const buffer = this.#buffer;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        buffer[end++] = code;
      }
    }
    if (end - start < text.length) end = start + this.#buffer.write(text, start, 'utf8');
    this.#buffer.writeUInt32LE(end - start, this.#length);
    this.#length = end;
  }

  #bytes(value: Uint8Array): void {
    this.#ensure(LENGTH_BYTES + value.length);
    this.#buffer.writeUInt32LE(value.length, this.#length);
    this.#buffer.set(value, this.#length + LENGTH_BYTES);
    this.#length += LENGTH_BYTES + value.length;
  }

  #int32(value: number): void {
    this.#ensure(4);
    this.#length = this.#buffer.writeInt32LE(value, this.#length);
  }

  #int64(value: number | bigint): void {
    this.#ensure(8);
    if (typeof value === 'bigint') {
      this.#length = this.#buffer.writeBigInt64LE(value, this.#length);
      return;
    }
    const high = Math.floor(value / 2 ** 32);
    const at = this.#buffer.writeUInt32LE(value - high * 2 ** 32, this.#length);
    this.#length = this.#buffer.writeInt32LE(high, at);
  }

  #bigEndian(value: bigint, size: number): void {
    this.#ensure(size);
    let left = value;
    let at = this.#length + size;
    for (; at - 8 >= this.#length; left >>= 64n) {
      at -= 8;
      this.#buffer.writeBigUInt64BE(BigInt.asUintN(64, left), at);
    }
    for (; at > this.#length; left >>= 8n) {
      at -= 1;
      this.#buffer[at] = Number(BigInt.asUintN(8, left));
    }
    this.#length += size;
  }
}
