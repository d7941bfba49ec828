/** Never more than this is owed at a time, so that a long pause is not followed by a flood. */
const BACKLOG_MS_MAX = 1_000;
/** Fewer, larger frames: records are waited for until about this much has come together. */
const GATHER_MS = 20;

/** How many records are due now, and when the next ones are: a rate without drift. */
export class Pace {
  readonly #ratePerMs: number;
  #paidUntilMs: number;

  constructor({ ratePerSecond, nowMs }: { ratePerSecond: number; nowMs: number }) {
    this.#ratePerMs = ratePerSecond / 1_000;
    this.#paidUntilMs = nowMs;
  }

  /** Records that may be delivered now. */
  due(nowMs: number): number {
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs - BACKLOG_MS_MAX - 1 / this.#ratePerMs);
    // The tolerance keeps a sum of fractions from falling a hair short of the whole record it stands for.
    return Math.floor((nowMs - this.#paidUntilMs) * this.#ratePerMs + 1e-6);
  }

  paid(records: number): void {
    this.#paidUntilMs += records / this.#ratePerMs;
  }

  /** How long to wait until at least one record is due. */
  waitMs(nowMs: number): number {
    const oneMs = 1 / this.#ratePerMs;
    return Math.max(1, this.#paidUntilMs + Math.max(oneMs, Math.min(GATHER_MS, oneMs * 100)) - nowMs);
  }
}
