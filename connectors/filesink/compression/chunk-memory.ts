import type { Reservation } from '../../../core/spi.ts';

const FIRST_BYTES = 16 * 1024;
const GROWTH = 4;
/** Of what may fill, up to where a chunk that will most likely be full gets all of its memory at once. */
const WHOLE_SHARE = 0.5;
/** Buffers kept for the next chunks. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export interface ChunkMemoryOptions {
  readonly chunkBytes: number;
  /** What chunks that are not full may hold over all parts; above it the largest are compressed as they are. */
  readonly fillingBytesMax: number;
  /** What may be on its way, being compressed or waiting for its file; more has to wait. */
  readonly inFlightBytesMax: number;
  /** Grows and shrinks with what is held. */
  readonly reservation?: Reservation | undefined;
}

/** A chunk while more may come. Only `ChunkMemory` gives it a buffer, or takes it away. */
export class Filling {
  buffer: Buffer = NOTHING;
  used = 0;
  /** As far as one can know. */
  fillsSoon = false;
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

/** The memory of chunks, over all parts. Who waits for it waits for what is on its way, which ends by itself. */
export class ChunkMemory {
  readonly #options: ChunkMemoryOptions;
  readonly #kept: Buffer[] = [];
  #fillingBytes = 0;
  #inFlightBytes = 0;
  #keptBytes = 0;
  /** First come first served. */
  readonly #waiting: Waiting[] = [];
  /** Called when chunks that are not full hold too much: sends chunks that hold `bytes` by `sendNow`. */
  onShortage: (bytes: number) => void = () => {};

  constructor(options: ChunkMemoryOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#fillingBytes + this.#inFlightBytes + this.#keptBytes;
  }

  /** Gives a chunk its first buffer, or a larger one with the same content: most of many parts stay small. */
  async grow(filling: Filling): Promise<void> {
    if (this.#excessOf(filling) <= 0) return this.#grow(filling);
    const relieve = () => {
      const excessBytes = this.#excessOf(filling);
      // This may take the content of this very chunk away, which then begins with a small buffer again.
      if (excessBytes > 0) this.onShortage(excessBytes);
      this.#grow(filling);
    };
    await this.#admit({ bytes: () => Math.max(0, this.#excessOf(filling)), take: relieve });
  }

  /** Puts a chunk on its way once there is room; undefined when it has gone meanwhile. */
  send(filling: Filling): Promise<Gathered | undefined> {
    return this.#admit({
      bytes: () => filling.buffer.length,
      take: () => (filling.used > 0 ? this.sendNow(filling) : undefined),
    });
  }

  sendNow(filling: Filling): Gathered {
    const { buffer, used } = filling;
    this.#fillingBytes -= buffer.length;
    this.#inFlightBytes += buffer.length;
    empty(filling);
    this.#changed();
    return { buffer, used };
  }

  /** A chunk needs its buffer no more: what is on its way instead are `bytes`. */
  compressed(buffer: Buffer, bytes: number): void {
    this.#inFlightBytes += bytes - buffer.length;
    this.#keep(buffer);
    this.#changed();
  }

  /** What was compressed has arrived, or was given up. */
  landed(bytes: number): void {
    this.#inFlightBytes -= bytes;
    this.#changed();
  }

  /** What has gathered is given up. */
  drop(filling: Filling): void {
    this.#fillingBytes -= filling.buffer.length;
    this.#keep(filling.buffer);
    empty(filling);
    this.#changed();
  }

  #admit<T>({ bytes, take }: { bytes(): number; take(): T }): Promise<T> {
    return new Promise((resolve, reject) => {
      const grant = () => {
        try {
          resolve(take());
        } catch (error) {
          // The system has no such memory: who asked hears of it, not who happened to give some back.
          reject(error);
        }
      };
      this.#waiting.push({ bytes, grant });
      this.#grantWhatFits();
    });
  }

  #grantWhatFits(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const fits = this.#inFlightBytes + next.bytes() <= this.#options.inFlightBytesMax;
      if (!fits && this.#inFlightBytes > 0) return;
      this.#waiting.shift();
      next.grant();
    }
  }

  #excessOf(filling: Filling): number {
    return this.#fillingBytes + this.#growthOf(filling) - this.#options.fillingBytesMax;
  }

  #growthOf({ buffer: { length }, fillsSoon }: Filling): number {
    const { chunkBytes, fillingBytesMax } = this.#options;
    const whole = chunkBytes - length;
    if (fillsSoon && this.#fillingBytes + whole <= fillingBytesMax * WHOLE_SHARE) return whole;
    return Math.min(length === 0 ? FIRST_BYTES : length * GROWTH, chunkBytes) - length;
  }

  #grow(filling: Filling): void {
    const outgrown = filling.buffer;
    const buffer = this.#allocate(outgrown.length + this.#growthOf(filling));
    outgrown.copy(buffer, 0, 0, filling.used);
    filling.buffer = buffer;
    this.#fillingBytes += buffer.length - outgrown.length;
    this.#keep(outgrown);
    this.#changed();
  }

  #allocate(bytes: number): Buffer {
    const index = this.#kept.findLastIndex((buffer) => buffer.length === bytes);
    if (index < 0) return Buffer.allocUnsafeSlow(bytes);
    this.#keptBytes -= bytes;
    return this.#kept.splice(index, 1)[0] as Buffer;
  }

  /** The oldest goes first: sizes that nobody asks for do not stay. */
  #keep(buffer: Buffer): void {
    if (buffer.length === 0) return;
    this.#kept.push(buffer);
    this.#keptBytes += buffer.length;
    while (this.#keptBytes > KEPT_BYTES_MAX) {
      const oldest = this.#kept.shift() as Buffer;
      this.#keptBytes -= oldest.length;
      // Left to the collector, as much again lies about before it looks.
      (oldest.buffer as ArrayBuffer).transfer(0);
    }
  }

  #changed(): void {
    this.#options.reservation?.resize(this.heldBytes);
    this.#grantWhatFits();
  }
}

function empty(filling: Filling): void {
  filling.buffer = NOTHING;
  filling.used = 0;
}
