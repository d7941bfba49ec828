import type { Reservation } from '../../../core/spi.ts';

/** What all parts of a writer gather together, outside of frames. */
export class HeldBytes {
  readonly #limitBytes: number;
  readonly #reservation: Reservation;
  #bytes = 0;
  #parts = 0;

  constructor({ limitBytes, reservation }: { limitBytes: number; reservation: Reservation }) {
    this.#limitBytes = limitBytes;
    this.#reservation = reservation;
  }

  /** How much has to be given away: 0, or enough that this is not asked again at once. */
  get excessBytes(): number {
    return this.#bytes > this.#limitBytes ? this.#bytes - this.#limitBytes * 0.75 : 0;
  }

  /** What every part may hold if all hold the same. */
  get fairBytes(): number {
    return this.#limitBytes / Math.max(1, this.#parts);
  }

  /** One part more, or less. */
  share(change: 1 | -1): void {
    this.#parts += change;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    this.#reservation.resize(this.#bytes);
  }
}
