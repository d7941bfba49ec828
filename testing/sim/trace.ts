const KEPT = 50;

/** Everything that happened in a run, as a hash that two equal runs share, and the last of it in words. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #keepAll: boolean;
  #hash = 0x811c9dc5;
  #count = 0;

  constructor({ keepAll = false }: { keepAll?: boolean } = {}) {
    this.#keepAll = keepAll;
  }

  add(atMs: number, event: string): void {
    this.#count++;
    const line = `${atMs.toFixed(1)} ${event}`;
    let hash = this.#hash;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.#lines.push(line);
    if (!this.#keepAll && this.#lines.length > 4 * KEPT) this.#lines.splice(0, this.#lines.length - KEPT);
  }

  get steps(): number {
    return this.#count;
  }

  /** Eight hex digits over every event and its time. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  get last(): readonly string[] {
    return this.#keepAll ? this.#lines : this.#lines.slice(-KEPT);
  }
}
