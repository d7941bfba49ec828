const CHUNK_BYTES_MIN = 4 * 1024;
const CHUNK_BYTES_MAX = 256 * 1024;
/** Up to here a loop is faster than a call into the runtime. */
const LOOP_MAX = 24;
const ZIGZAG_BYTES_MAX = 10;

const floats = new DataView(new ArrayBuffer(8));

/** Gathers bytes in chunks that grow with what comes, so that a small file holds little memory and nothing is copied twice. */
export class ByteWriter {
  #full: Buffer[] = [];
  #fullBytes = 0;
  #chunk: Buffer = Buffer.alloc(0);
  /** Before it the bytes of the chunk were given out. */
  #start = 0;
  #at = 0;
  #chunkBytes = CHUNK_BYTES_MIN;

  get length(): number {
    return this.#fullBytes + this.#at - this.#start;
  }

  /** What was written since the last time, in order. The memory is the caller's from then on. */
  take(): Buffer[] {
    this.#close();
    const taken = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    return taken;
  }

  byte(value: number): void {
    this.#room(1);
    this.#chunk[this.#at++] = value;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    if (value.length > LOOP_MAX) this.#chunk.set(value, this.#at);
    else for (let index = 0; index < value.length; index++) this.#chunk[this.#at + index] = value[index] as number;
    this.#at += value.length;
  }

  /** As UTF-8; half of a surrogate pair becomes U+FFFD. */
  text(value: string): void {
    if (this.#shortAscii(value)) return;
    this.#room(Buffer.byteLength(value));
    this.#at += this.#chunk.write(value, this.#at);
  }

  /** A whole number that is exact in a double, or any of 64 bits, in zig-zag order and 7 bits per byte. */
  zigzag(value: number | bigint): void {
    this.#room(ZIGZAG_BYTES_MAX);
    if (typeof value === 'bigint') {
      let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
      for (; rest > 0x7fn; rest >>= 7n) this.#chunk[this.#at++] = Number(rest & 0x7fn) | 0x80;
      this.#chunk[this.#at++] = Number(rest);
      return;
    }
    // The first byte holds the sign and six bits. Twice the value, as the order is defined, may be no exact double.
    const magnitude = value < 0 ? -value - 1 : value;
    let rest = Math.floor(magnitude / 64);
    this.#chunk[this.#at++] = (magnitude % 64) * 2 + (value < 0 ? 1 : 0) + (rest > 0 ? 0x80 : 0);
    if (rest === 0) return;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) this.#chunk[this.#at++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) this.#chunk[this.#at++] = (rest & 0x7f) | 0x80;
    this.#chunk[this.#at++] = rest;
  }

  /** Bytes behind their length as `zigzag`. */
  sizedBytes(value: Uint8Array): void {
    this.zigzag(value.length);
    this.bytes(value);
  }

  /** UTF-8 behind its length as `zigzag`. */
  sizedText(value: string): void {
    // Room for the longest length first: it is written again where it counted the wrong bytes.
    this.#room(ZIGZAG_BYTES_MAX + LOOP_MAX);
    const start = this.#at;
    this.zigzag(value.length);
    if (this.#shortAscii(value)) return;
    const byteLength = Buffer.byteLength(value);
    if (byteLength !== value.length) {
      this.#at = start;
      this.zigzag(byteLength);
    }
    this.#room(byteLength);
    this.#at += this.#chunk.write(value, this.#at);
  }

  float32(value: number): void {
    floats.setFloat32(0, value, true);
    this.#float(4);
  }

  float64(value: number): void {
    floats.setFloat64(0, value, true);
    this.#float(8);
  }

  #float(size: number): void {
    this.#room(size);
    for (let index = 0; index < size; index++) this.#chunk[this.#at++] = floats.getUint8(index);
  }

  /** Writes text that is short and ASCII; anything else leaves no trace. */
  #shortAscii(value: string): boolean {
    if (value.length > LOOP_MAX) return false;
    this.#room(LOOP_MAX);
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      this.#chunk[this.#at + index] = code;
    }
    this.#at += value.length;
    return true;
  }

  #room(bytes: number): void {
    if (this.#chunk.length - this.#at >= bytes) return;
    this.#close();
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(bytes, this.#chunkBytes));
    this.#chunkBytes = Math.min(this.#chunkBytes * 2, CHUNK_BYTES_MAX);
    this.#start = this.#at = 0;
  }

  #close(): void {
    if (this.#at === this.#start) return;
    this.#full.push(this.#chunk.subarray(this.#start, this.#at));
    this.#fullBytes += this.#at - this.#start;
    this.#start = this.#at;
  }
}
