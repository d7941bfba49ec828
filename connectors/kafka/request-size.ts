/** The share of the memory budget that records fetched ahead may take. */
const PREFETCH_SHARE = 1 / 4;
/** Per broker one answer waits and one is on its way. */
const ANSWERS_PER_BROKER = 2;
const REQUEST_BYTES_MIN = 256 * 1024;
/** Before it is known how much comes out of the bytes of this topic. */
const FIRST_REQUEST_BYTES = 1024 * 1024;
/** How much the newest frame counts. */
const LEARNING_RATE = 1 / 4;

/** What became of the bytes of a frame, or of several. */
export interface Inflation {
  /** Bytes of batches that were decompressed. */
  compressed: number;
  decompressed: number;
}

/**
 * How much to ask a broker for. Memory is needed for what comes out of an answer, which for compressed batches is many
 * times what is received; so the size follows what was seen, and starts small.
 */
export class RequestSize {
  readonly #bytesMax: number;
  readonly #budgetBytes: number;
  /** Bytes in use per byte received; undefined before the first frame. */
  #inflation: number | undefined;

  constructor({ bytesMax, budgetBytes }: { bytesMax: number; budgetBytes: number }) {
    this.#bytesMax = bytesMax;
    this.#budgetBytes = budgetBytes;
  }

  bytes(brokers: number): number {
    const share = (this.#budgetBytes * PREFETCH_SHARE) / (ANSWERS_PER_BROKER * Math.max(1, brokers));
    const bytesMax = Math.min(this.#bytesMax, share);
    const wanted =
      this.#inflation === undefined ? Math.min(bytesMax, FIRST_REQUEST_BYTES) : bytesMax / Math.max(1, this.#inflation);
    return Math.min(this.#bytesMax, Math.max(REQUEST_BYTES_MIN, Math.floor(wanted)));
  }

  /** A frame of so many bytes was used up. */
  learn(receivedBytes: number, { compressed, decompressed }: Inflation): void {
    if (receivedBytes === 0) return;
    const seen = (receivedBytes - compressed + decompressed) / receivedBytes;
    this.#inflation = this.#inflation === undefined ? seen : this.#inflation + (seen - this.#inflation) * LEARNING_RATE;
  }
}
