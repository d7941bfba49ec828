/** Lets one loop sleep until somebody has news for it. A wake-up while nobody sleeps is kept. */
export class Wakeup {
  #awake = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#awake = true;
    this.#wake?.();
  }

  /** Resolves after `notify`, also one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#awake = false;
  }
}
