import type { Slot } from './slot.ts';

/**
 * The claims that one process sent, over all its restarts. A start takes a pipeline over from whoever has it; a restart must
 * not take it back, or two instances would replace each other for ever.
 */
export class OwnClaims {
  #epoch: number | undefined;
  readonly #tokens = new Set<string>();

  /** Before the claim goes out: its outcome may stay unknown, and then a later restart finds it in the log. */
  sending(claim: Slot): void {
    this.#tokens.add(claim.token);
  }

  /** The claim is durable, and nobody was above it. */
  won(claim: Slot): void {
    this.#epoch = claim.epoch;
    this.#tokens.clear();
  }

  /** Did another process claim after this one had the pipeline? `newest` is the newest slot of the log. */
  replacedBy(newest: Slot): boolean {
    return this.#epoch !== undefined && newest.epoch > this.#epoch && !this.#tokens.has(newest.token);
  }
}
