import type { Chunk } from '../open-part.ts';
import type { HeldBytes } from './held-bytes.ts';

const SIZES = [4, 16, 64, 256].map((kib) => kib * 1024);
/** Kept for the next part, of each size. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Buffers that many parts gather in: the more parts are open the smaller, so that all of them together stay below a limit.
 */
export class ChunkPool {
  readonly #held: HeldBytes;
  readonly #kept = new Map<number, Buffer[]>(SIZES.map((bytes) => [bytes, []]));

  constructor(held: HeldBytes) {
    this.#held = held;
  }

  /** One part more, or less. */
  share(change: 1 | -1): void {
    this.#held.share(change);
  }

  /** How large a part's buffer gets before it is written. */
  get chunkBytes(): number {
    const { fairBytes } = this.#held;
    return SIZES.findLast((bytes) => bytes <= fairBytes) ?? (SIZES[0] as number);
  }

  /** The size that follows `bytes`, up to `chunkBytes`, and at least `bytesMin`. */
  sizeAfter(bytes: number, bytesMin: number): number {
    const wanted = Math.max(bytesMin, Math.min(bytes * 4, this.chunkBytes));
    return SIZES.find((size) => size >= wanted) ?? wanted;
  }

  take(bytes: number): Buffer {
    const buffer = this.#kept.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes);
    this.#held.change(bytes);
    return buffer;
  }

  give(buffer: Buffer): void {
    const kept = this.#kept.get(buffer.length);
    if (kept !== undefined && kept.length * buffer.length < KEPT_BYTES_MAX) kept.push(buffer);
    this.#held.change(-buffer.length);
  }

  /** The first `used` bytes of a buffer, which comes back when they are written. */
  chunk(buffer: Buffer, used: number): Chunk {
    return { bytes: buffer.subarray(0, used), holder: { release: () => this.give(buffer) } };
  }
}
