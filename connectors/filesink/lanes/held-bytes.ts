import type { Reservation } from '../../../core/spi.ts';

/** What all parts of a writer gather together. */
export class HeldBytes {
  readonly #limitBytes: number;
  readonly #reservation: Reservation;
  #bytes = 0;

  constructor({ limitBytes, reservation }: { limitBytes: number; reservation: Reservation }) {
    this.#limitBytes = limitBytes;
    this.#reservation = reservation;
  }

  /** How much has to be given away; at most 0 when nothing has. */
  get excessBytes(): number {
    return this.#bytes - this.#limitBytes;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    this.#reservation.resize(this.#bytes);
  }
}
