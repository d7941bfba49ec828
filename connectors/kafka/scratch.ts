import type { FramePool } from './frame-pool.ts';

/** Where decompressed bytes go; one owner at a time. */
export interface Scratch {
  /** What came out last time, as a first guess of what comes next; 0 = unknown. */
  lastBytes: number;
  /** A buffer of at least `bytes` that begins with the first `keep` bytes of the one before, which is void now. */
  reserve(bytes: number, keep: number): Buffer;
}

/** Memory of its own for every use: what comes out stays valid. */
export function freshScratch(): Scratch {
  let current: Buffer | undefined;
  return {
    lastBytes: 0,
    reserve(bytes, keep) {
      const larger = Buffer.allocUnsafeSlow(bytes);
      current?.copy(larger, 0, 0, keep);
      current = larger;
      return larger;
    },
  };
}

/** One buffer for one batch after the other of a frame: what comes out is valid until the next use. */
export class PooledScratch implements Scratch {
  readonly #pool: FramePool;
  #current: Buffer | undefined;
  lastBytes = 0;

  constructor(pool: FramePool) {
    this.#pool = pool;
  }

  reserve(bytes: number, keep: number): Buffer {
    const before = this.#current;
    if (before !== undefined && before.length >= bytes) return before;
    const larger = this.#pool.take(bytes);
    this.#current = larger;
    if (before !== undefined) {
      before.copy(larger, 0, 0, keep);
      this.#pool.put(before);
    }
    return larger;
  }

  /** Gives the buffer back to the pool. */
  release(): void {
    if (this.#current !== undefined) this.#pool.put(this.#current);
    this.#current = undefined;
  }
}
