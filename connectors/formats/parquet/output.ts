import { ByteWriter } from 'hyparquet-writer';

/** Small writes share memory of this size; a page that is larger has its own. */
const CHUNK_BYTES = 16 * 1024;

/** Where the library writes bytes that leave piece by piece: `offset` counts what was taken away, too. */
export class Output extends ByteWriter {
  #chunks: Buffer[] = [];
  #taken = 0;

  override ensure(size: number): void {
    if (this.index + size > this.buffer.byteLength) this.#nextChunk(Math.max(CHUNK_BYTES, size));
  }

  /** Bytes written and not taken away yet. */
  get waitingBytes(): number {
    return this.offset - this.#taken;
  }

  /** Goes on where somebody else has written up to `offset`; what was written here is dropped. */
  skipTo(offset: number): void {
    this.take();
    this.offset = offset;
    this.#taken = offset;
  }

  /** Hands out all that was written. */
  take(): Buffer[] {
    this.#nextChunk(0);
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#taken = this.offset;
    return chunks;
  }

  /** Goes on with bytes that were written elsewhere, without a copy. */
  adopt(chunks: readonly Buffer[]): void {
    this.#nextChunk(0);
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      this.offset += chunk.length;
    }
  }

  #nextChunk(size: number): void {
    if (this.index > 0) this.#chunks.push(Buffer.from(this.buffer, 0, this.index));
    this.buffer = new ArrayBuffer(size);
    this.view = new DataView(this.buffer);
    this.index = 0;
  }
}
