/** Never more than this is owed at a time, so that a long pause is not followed by a flood. */
const BACKLOG_MS_MAX = 1_000;
/** Fewer, larger frames: about this much comes together before anything is due. */
const GATHER_MS = 20;

/** How many records are due now, and when the next ones are: a rate without drift. */
export class Pace {
  readonly #ratePerMs: number;
  readonly #gatherRecords: number;
  #paidUntilMs: number;

  constructor({ ratePerSecond, nowMs }: { ratePerSecond: number; nowMs: number }) {
    this.#ratePerMs = ratePerSecond / 1_000;
    this.#gatherRecords = Math.max(1, Math.floor(this.#ratePerMs * GATHER_MS));
    this.#paidUntilMs = nowMs;
  }

  /** Records that may be delivered now. */
  due(nowMs: number): number {
    const owedMsMax = Math.max(BACKLOG_MS_MAX, 1 / this.#ratePerMs);
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs - owedMsMax);
    // The tolerance keeps a sum of fractions from falling a hair short of the whole record it stands for.
    const due = Math.floor((nowMs - this.#paidUntilMs) * this.#ratePerMs + 1e-6);
    return due < this.#gatherRecords ? 0 : due;
  }

  paid(records: number): void {
    this.#paidUntilMs += records / this.#ratePerMs;
  }

  /** How long until something is due. */
  waitMs(nowMs: number): number {
    return Math.max(1, this.#paidUntilMs + this.#gatherRecords / this.#ratePerMs - nowMs);
  }
}
