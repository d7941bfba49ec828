/** The NameNodes of a cluster, and which of them is asked. */
export class NameNodes {
  readonly bases: readonly string[];
  #index = 0;
  #isProven = false;

  /** Where the API of each begins, without `/webhdfs/v1`. */
  constructor(bases: readonly string[]) {
    this.bases = bases;
  }

  get current(): string {
    return this.bases[this.#index] as string;
  }

  /** Nothing has spoken against its being the active one since it answered as only an active one does. */
  get isProven(): boolean {
    return this.#isProven || this.bases.length === 1;
  }

  prove(base: string): void {
    if (base === this.current) this.#isProven = true;
  }

  /** It did not answer as an active one. Of several calls that found out together, the first moves on for all. */
  leave(base: string): void {
    if (base !== this.current) return;
    this.#index = (this.#index + 1) % this.bases.length;
    this.#isProven = false;
  }
}
