import type { Chunk, Gathering } from '../open-part.ts';
import type { ChunkPool } from './chunk-pool.ts';

const NOTHING = Buffer.alloc(0);

/** Lines of one part, copied out of their frames. */
export class LineGathering implements Gathering {
  readonly #pool: ChunkPool;
  #buffer: Buffer = NOTHING;
  #used = 0;
  #full: Chunk[] = [];
  #fullBytes = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
    pool.share(1);
  }

  /** Some chunk is full. */
  get isReady(): boolean {
    return this.#full.length > 0;
  }

  get gatheredBytes(): number {
    return this.#fullBytes + this.#used;
  }

  append(bytes: Buffer, start: number, end: number, delimiter: number): void {
    if (this.#buffer.length - this.#used <= end - start) this.#makeRoom(end - start + 1);
    this.#used += bytes.copy(this.#buffer, this.#used, start, end);
    this.#buffer[this.#used++] = delimiter;
  }

  take({ all }: { all: boolean }): Chunk[] {
    if (all) this.#chunkOff();
    const chunks = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    return chunks;
  }

  finish(): Chunk[] {
    this.#pool.share(-1);
    return this.take({ all: true });
  }

  #makeRoom(bytes: number): void {
    const pool = this.#pool;
    const outgrown = this.#buffer;
    if (outgrown.length >= pool.chunkBytes || this.#used + bytes > pool.chunkBytes) {
      this.#chunkOff();
      // One that was full before fills soon again.
      this.#buffer = pool.take(pool.sizeAfter(Math.max(outgrown.length / 4, 1), bytes));
      return;
    }
    this.#buffer = pool.take(pool.sizeAfter(Math.max(outgrown.length, 1024), this.#used + bytes));
    outgrown.copy(this.#buffer, 0, 0, this.#used);
    if (outgrown.length > 0) pool.give(outgrown);
  }

  #chunkOff(): void {
    const { buffer, used } = { buffer: this.#buffer, used: this.#used };
    this.#buffer = NOTHING;
    this.#used = 0;
    if (used === 0) {
      if (buffer.length > 0) this.#pool.give(buffer);
      return;
    }
    this.#full.push(this.#pool.chunk(buffer, used));
    this.#fullBytes += used;
  }
}
