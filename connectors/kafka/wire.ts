/** Bytes that do not hold what the protocol says they should. Callers turn it into a `SluiceError` that says where. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Writes Kafka's primitive types, big-endian; grows as needed. */
export class WireWriter {
  #bytes: Buffer;
  #offset = 0;

  constructor(sizeHint = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  i8(value: number): this {
    this.#reserve(1);
    this.#offset = this.#bytes.writeInt8(value, this.#offset);
    return this;
  }

  bool(value: boolean): this {
    return this.i8(value ? 1 : 0);
  }

  i16(value: number): this {
    this.#reserve(2);
    this.#offset = this.#bytes.writeInt16BE(value, this.#offset);
    return this;
  }

  i32(value: number): this {
    this.#reserve(4);
    this.#offset = this.#bytes.writeInt32BE(value, this.#offset);
    return this;
  }

  /** A 64-bit integer that fits a double exactly: offsets, timestamps, producer ids. */
  i64(value: number): this {
    this.#reserve(8);
    const high = Math.floor(value / 2 ** 32);
    this.#bytes.writeInt32BE(high, this.#offset);
    this.#bytes.writeUInt32BE(value - high * 2 ** 32, this.#offset + 4);
    this.#offset += 8;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.i16(-1);
    const bytes = Buffer.from(value);
    return this.i16(bytes.length).raw(bytes);
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.i32(items === null ? -1 : items.length);
    for (const item of items ?? []) write(item);
    return this;
  }

  unsignedVarint(value: number): this {
    let rest = value;
    while (rest > 127) {
      this.i8((rest & 127) | -128);
      rest >>>= 7;
    }
    return this.i8(rest);
  }

  compactString(value: string | null): this {
    if (value === null) return this.unsignedVarint(0);
    const bytes = Buffer.from(value);
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  compactArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.unsignedVarint(items === null ? 0 : items.length + 1);
    for (const item of items ?? []) write(item);
    return this;
  }

  noTags(): this {
    return this.i8(0);
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#offset);
  }

  #reserve(count: number): void {
    if (this.#offset + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#offset + count));
    this.#bytes.copy(larger, 0, 0, this.#offset);
    this.#bytes = larger;
  }
}

/** Reads Kafka's primitive types from `offset` up to `end`. Every read is checked: what lies behind `end` is never seen. */
export class WireReader {
  readonly bytes: Buffer;
  readonly end: number;
  offset: number;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get left(): number {
    return this.end - this.offset;
  }

  i8(): number {
    return this.bytes.readInt8(this.skip(1));
  }

  bool(): boolean {
    return this.i8() !== 0;
  }

  i16(): number {
    return this.bytes.readInt16BE(this.skip(2));
  }

  i32(): number {
    return this.bytes.readInt32BE(this.skip(4));
  }

  /** A 64-bit integer as a double; throws when it does not fit exactly. */
  i64(): number {
    const at = this.skip(8);
    const value = this.bytes.readInt32BE(at) * 2 ** 32 + this.bytes.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) throw new WireError('64-bit integer beyond 2^53');
    return value;
  }

  /** Moves over `count` bytes and returns where they start. */
  skip(count: number): number {
    const at = this.offset;
    if (count < 0 || count > this.end - at) throw new WireError(`needs ${count} bytes at ${at}, has ${this.end - at}`);
    this.offset = at + count;
    return at;
  }

  string(): string {
    return this.nullableString() ?? fail('null where a string is required');
  }

  nullableString(): string | null {
    const length = this.i16();
    return length < 0 ? null : this.#text(length);
  }

  /** An array of things of at least one byte each, so a lying count cannot ask for more than the bytes left. */
  array<T>(read: () => T): T[] {
    return this.#items(this.i32(), read);
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.i8();
      value += (byte & 127) * 2 ** shift;
      if (byte >= 0) return value;
    }
    return fail('varint longer than 5 bytes');
  }

  compactString(): string {
    return this.compactNullableString() ?? fail('null where a string is required');
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.#text(length - 1);
  }

  compactArray<T>(read: () => T): T[] {
    return this.#items(this.unsignedVarint() - 1, read);
  }

  /** Nothing in the tagged fields of the messages used here is needed. */
  skipTags(): void {
    for (let left = this.unsignedVarint(); left > 0; left--) {
      this.unsignedVarint();
      this.skip(this.unsignedVarint());
    }
  }

  #text(length: number): string {
    const at = this.skip(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  #items<T>(count: number, read: () => T): T[] {
    if (count > this.left) throw new WireError(`an array of ${count} in ${this.left} bytes`);
    const items: T[] = [];
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }
}

function fail(what: string): never {
  throw new WireError(what);
}
