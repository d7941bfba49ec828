/** Below this a buffer costs less to make than to keep. */
const POOLED_BYTES_MIN = 64 * 1024;

/**
 * Recycles receive buffers. Sizes are powers of two and the three quarter steps between them, so that a response of
 * 8 MiB and a few bytes does not hold 16 MiB.
 */
export class FramePool {
  readonly #keepBytesMax: number;
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  constructor({ keepBytesMax = 32 * 1024 * 1024 }: { keepBytesMax?: number } = {}) {
    this.#keepBytesMax = keepBytesMax;
  }

  /** A buffer of at least `bytes`, with memory of its own and old content. */
  take(bytes: number): Buffer {
    if (bytes < POOLED_BYTES_MIN) return Buffer.allocUnsafeSlow(bytes);
    const size = classOf(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return buffer;
  }

  /** Gives back a buffer that was taken here: its former user must not touch it again. */
  put(buffer: Buffer): void {
    const size = buffer.length;
    if (size < POOLED_BYTES_MIN || this.#keptBytes + size > this.#keepBytesMax) return;
    let free = this.#free.get(size);
    if (free === undefined) {
      free = [];
      this.#free.set(size, free);
    }
    free.push(buffer);
    this.#keptBytes += size;
  }
}

function classOf(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(bytes));
  const step = power / 8;
  return Math.ceil(bytes / step) * step;
}
