import type { Reservation } from '../../core/spi.ts';

/** Of the process's budget; the rest is for what the source has read. */
const SHARE = 0.75;
/** Of that, what may wait in parts that are not full; the rest is for parts on their way. */
const OPEN_SHARE = 2 / 3;
const FIRST_BYTES = 64 * 1024;
const GROWTH = 4;
/** Buffers kept for the next part, because the kernel has to zero new memory of this size first. */
const KEPT_MAX = 4;
const KEPT_BYTES_MIN = 1024 * 1024;

export interface PartMemoryOptions {
  readonly budgetBytes: number;
  /** Grows and shrinks with what is held. */
  readonly reservation: Reservation;
}

/**
 * The memory of parts: buffers that fill (open) and buffers on their way (sending). It never makes anybody wait for a buffer
 * that waits for more records; above its share it asks for parts to be closed early and lets writers wait for what is on its
 * way, which ends by itself.
 */
export class PartMemory {
  readonly #options: PartMemoryOptions;
  readonly #limitBytes: number;
  #openBytes = 0;
  #sendingBytes = 0;
  readonly #kept: Buffer[] = [];
  #waiting: (() => void)[] = [];
  /** Called when parts that are not full hold too much, with how much that is. */
  onShortage: (bytes: number) => void = () => {};

  constructor(options: PartMemoryOptions) {
    this.#options = options;
    this.#limitBytes = options.budgetBytes * SHARE;
  }

  /** A buffer to fill: the first of a part, or a larger one in place of `outgrown`, whose content moves along. */
  open(bytesMax: number, outgrown?: { buffer: Buffer; used: number }): Buffer {
    const bytes = Math.min(outgrown === undefined ? FIRST_BYTES : outgrown.buffer.length * GROWTH, bytesMax);
    const buffer = this.#take(bytes);
    this.#openBytes += bytes;
    if (outgrown !== undefined) {
      outgrown.buffer.copy(buffer, 0, 0, outgrown.used);
      this.#openBytes -= outgrown.buffer.length;
    }
    this.#changed();
    const excessBytes = this.#openBytes - this.#limitBytes * OPEN_SHARE;
    if (excessBytes > 0) this.onShortage(excessBytes);
    return buffer;
  }

  /** An open buffer is on its way now. */
  send(buffer: Buffer): void {
    this.#openBytes -= buffer.length;
    this.#sendingBytes += buffer.length;
  }

  /** A buffer has arrived, or was given up. `reuse` only when nobody can still read it: every request with it was answered. */
  sent(buffer: Buffer, { reuse }: { reuse: boolean }): void {
    this.#sendingBytes -= buffer.length;
    const fits = this.#heldBytes + buffer.length <= this.#limitBytes && this.#kept.length < KEPT_MAX;
    if (reuse && fits && buffer.length >= KEPT_BYTES_MIN) this.#kept.push(buffer);
    this.#changed();
  }

  /** An open buffer is given up. */
  drop(buffer: Buffer): void {
    this.#openBytes -= buffer.length;
    this.#changed();
  }

  /** Resolves once more may be opened: at once, unless too much is held and some of it is on its way. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#openBytes + this.#sendingBytes > this.#limitBytes && this.#sendingBytes > 0) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        signal.addEventListener('abort', wake);
        this.#waiting.push(wake);
      });
    }
  }

  release(): void {
    this.#options.reservation.release();
  }

  #take(bytes: number): Buffer {
    const index = this.#kept.findIndex((buffer) => buffer.length === bytes);
    if (index >= 0) return this.#kept.splice(index, 1)[0] as Buffer;
    if (this.#heldBytes + bytes > this.#limitBytes) this.#kept.length = 0;
    return Buffer.allocUnsafeSlow(bytes);
  }

  get #heldBytes(): number {
    return this.#kept.reduce((sum, { length }) => sum + length, this.#openBytes + this.#sendingBytes);
  }

  #changed(): void {
    this.#options.reservation.resize(this.#heldBytes);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
