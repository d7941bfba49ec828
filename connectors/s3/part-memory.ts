import type { Reservation } from '../../core/spi.ts';

/** Of the process's budget; the rest is for what the source has read. */
const SHARE = 0.75;
/** Of that, what may wait in parts that are not full; the rest is for parts on their way. */
const OPEN_SHARE = 2 / 3;
/** Of the open share, up to where a part that will most likely be full gets all of its memory at once. */
const WHOLE_SHARE = 0.5;
const FIRST_BYTES = 64 * 1024;
const GROWTH = 4;
/** Buffers kept for the next part: the kernel has to zero new memory of this size, and the collector runs for what is dropped. */
const KEPT_MAX = 8;
const KEPT_BYTES_MIN = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export interface PartMemoryOptions {
  readonly budgetBytes: number;
  /** Grows and shrinks with what is held. */
  readonly reservation: Reservation;
}

/** What of a part is in memory while more may come. Only `PartMemory` gives it a buffer, or takes it away. */
export class Filling {
  buffer: Buffer = NOTHING;
  used = 0;
  /** What is still missing of the part, `used` included. */
  bytesMax: number;
  /** As far as one can know. */
  fillsSoon: boolean;

  constructor(bytesMax: number, { fillsSoon = false } = {}) {
    this.bytesMax = bytesMax;
    this.fillsSoon = fillsSoon;
  }
}

/** The first `used` bytes of a buffer on its way. */
export interface Gathered {
  readonly buffer: Buffer;
  readonly used: number;
}

interface Waiting {
  /** Asked again whenever it might fit: what is waiting may have changed. */
  bytes(): number;
  grant(): void;
}

/**
 * The memory of parts: buffers that fill (open) and buffers on their way (sending). It never makes anybody wait for a buffer
 * that waits for more records; above its share it asks for open ones to be put on their way and lets others wait for what
 * is on its way, which ends by itself.
 */
export class PartMemory {
  readonly #options: PartMemoryOptions;
  readonly #limitBytes: number;
  #openBytes = 0;
  #sendingBytes = 0;
  readonly #kept: Buffer[] = [];
  /** First come first served, so that a whole part comes to its turn among many small beginnings. */
  readonly #waiting: Waiting[] = [];
  /** Called when parts that are not full hold too much, with how much that is. */
  onShortage: (bytes: number) => void = () => {};

  constructor(options: PartMemoryOptions) {
    this.#options = options;
    this.#limitBytes = options.budgetBytes * SHARE;
  }

  /**
   * Gives a part its first buffer, or a larger one with the same content: small at first, as most of many parts stay small,
   * unless it fills soon and there is room.
   */
  grow(filling: Filling, signal: AbortSignal): Promise<void> {
    return this.#admit({ bytes: () => this.#growthOf(filling), take: () => this.#grow(filling) }, signal);
  }

  /** A buffer for a part that comes from disk: on its way from the beginning. */
  load(bytes: number, signal: AbortSignal): Promise<Buffer> {
    const take = () => {
      const buffer = this.#allocate(bytes);
      this.#sendingBytes += bytes;
      this.#changed();
      return buffer;
    };
    return this.#admit({ bytes: () => bytes, take }, signal);
  }

  /** What has gathered is on its way now. More of the same part begins with nothing. */
  send(filling: Filling): Gathered {
    const { buffer, used } = filling;
    this.#openBytes -= buffer.length;
    this.#sendingBytes += buffer.length;
    empty(filling, used);
    return { buffer, used };
  }

  /** A buffer has arrived, or was given up. `reuse` only when nobody can still read it: every request with it was answered. */
  sent(buffer: Buffer, { reuse }: { reuse: boolean }): void {
    this.#sendingBytes -= buffer.length;
    const fits = this.#heldBytes + buffer.length <= this.#limitBytes && this.#kept.length < KEPT_MAX;
    if (reuse && fits && buffer.length >= KEPT_BYTES_MIN) this.#kept.push(buffer);
    else if (reuse) free(buffer);
    this.#freed();
  }

  /** What has gathered is given up. */
  drop(filling: Filling): void {
    const { buffer, used } = filling;
    this.#openBytes -= buffer.length;
    empty(filling, used);
    free(buffer);
    this.#freed();
  }

  release(): void {
    this.#options.reservation.release();
  }

  /** Calls `take` once its bytes fit: at once, unless too much is held and some of it is on its way. */
  #admit<T>({ bytes, take }: { bytes(): number; take(): T }, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const waiting: Waiting = {
        bytes,
        grant: () => {
          signal.removeEventListener('abort', cancel);
          try {
            resolve(take());
          } catch (error) {
            // The system has no such memory: who asked hears of it, not who happened to give some back.
            reject(error);
          }
        },
      };
      const cancel = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.#grantWhatFits();
      };
      signal.addEventListener('abort', cancel, { once: true });
      this.#waiting.push(waiting);
      this.#grantWhatFits();
    });
  }

  #grantWhatFits(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#fits(next.bytes())) return;
      this.#waiting.shift();
      next.grant();
    }
  }

  #fits(bytes: number): boolean {
    const excessBytes = this.#openBytes + this.#sendingBytes + bytes - this.#limitBytes;
    if (excessBytes <= 0) return true;
    // With nothing to wait for, either this puts something on its way or the limit gives in.
    if (this.#sendingBytes === 0) this.onShortage(excessBytes);
    return this.#sendingBytes === 0;
  }

  #grow(filling: Filling): void {
    const excessBytes = this.#openBytes + this.#growthOf(filling) - this.#limitBytes * OPEN_SHARE;
    // This may take the content of this very part away, which then begins with a small buffer again.
    if (excessBytes > 0) this.onShortage(excessBytes);
    const outgrown = filling.buffer;
    const buffer = this.#allocate(outgrown.length + this.#growthOf(filling));
    outgrown.copy(buffer, 0, 0, filling.used);
    filling.buffer = buffer;
    this.#openBytes += buffer.length - outgrown.length;
    free(outgrown);
    this.#changed();
  }

  #growthOf({ buffer: { length }, bytesMax, fillsSoon }: Filling): number {
    const wholeMax = this.#limitBytes * OPEN_SHARE * WHOLE_SHARE - this.#openBytes;
    if (fillsSoon && bytesMax - length <= wholeMax) return bytesMax - length;
    return Math.min(length === 0 ? FIRST_BYTES : length * GROWTH, bytesMax) - length;
  }

  #allocate(bytes: number): Buffer {
    const index = this.#kept.findIndex((buffer) => buffer.length === bytes);
    if (index >= 0) return this.#kept.splice(index, 1)[0] as Buffer;
    while (this.#kept.length > 0 && this.#heldBytes + bytes > this.#limitBytes) free(this.#kept.shift() as Buffer);
    return Buffer.allocUnsafeSlow(bytes);
  }

  get #heldBytes(): number {
    return this.#kept.reduce((sum, { length }) => sum + length, this.#openBytes + this.#sendingBytes);
  }

  #freed(): void {
    this.#changed();
    this.#grantWhatFits();
  }

  #changed(): void {
    this.#options.reservation.resize(this.#heldBytes);
  }
}

/**
 * Gives memory back at once. Left to the collector, as much again lies about before it looks. Only for what nobody can still
 * read, which is what makes a buffer fit for reuse, too.
 */
function free(buffer: Buffer): void {
  if (buffer.length > 0) (buffer.buffer as ArrayBuffer).transfer(0);
}

function empty(filling: Filling, bytesTaken: number): void {
  filling.buffer = NOTHING;
  filling.used = 0;
  filling.bytesMax -= bytesTaken;
  filling.fillsSoon = false;
}
