import type { PartNames } from './part-name.ts';

/**
 * Which names of this incarnation may be judged by slots alone. A cut begins once the slot of the one before is durable: what had
 * a name when that one began is named by its slot, or by an older one, or never.
 */
export class Settled {
  readonly #names: PartNames;
  #below = 0;
  #belowNext = 0;

  constructor(names: PartNames) {
    this.#names = names;
  }

  /** Counters below this one. */
  get below(): number {
    return this.#below;
  }

  cutBegins(): void {
    this.#below = this.#belowNext;
    this.#belowNext = this.#names.given;
  }
}
