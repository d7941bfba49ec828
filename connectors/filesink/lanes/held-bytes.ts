import type { Reservation } from '../../../core/spi.ts';

/** How much more a part gathers before it is looked at again: with many open parts less, or much would be known too late. */
const LOOK_BYTES = { min: 4 * 1024, max: 256 * 1024 };

/** What all parts of a writer gather together. */
export class HeldBytes {
  readonly #limitBytes: number;
  readonly #reservation: Reservation;
  #bytes = 0;
  #users = 0;

  constructor({ limitBytes, reservation }: { limitBytes: number; reservation: Reservation }) {
    this.#limitBytes = limitBytes;
    this.#reservation = reservation;
  }

  /** How much has to be given away: 0, or enough that this is not asked again at once. */
  get excessBytes(): number {
    return this.#bytes > this.#limitBytes ? this.#bytes - this.#limitBytes * 0.75 : 0;
  }

  get lookBytes(): number {
    const fairBytes = this.#limitBytes / 4 / Math.max(1, this.#users);
    return Math.min(LOOK_BYTES.max, Math.max(LOOK_BYTES.min, fairBytes));
  }

  /** One part more, or less. */
  use(change: 1 | -1): void {
    this.#users += change;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    this.#reservation.resize(this.#bytes);
  }
}
