import type { Env } from '../../core/spi.ts';
import type { Roll } from './settings.ts';

/** What is to be known of a part to close it in time. Monotonic. */
export interface Timed {
  readonly begunAtMs: number;
  readonly touchedAtMs: number;
}

export interface RollClockOptions<P extends Timed> {
  readonly roll: Pick<Roll, 'age' | 'idle'>;
  readonly env: Pick<Env, 'clock' | 'timers'>;
  openParts(): Iterable<P>;
  close(part: P): void;
}

/** Closes parts that are old enough, or were not written to for long enough. One timer for all of them. */
export class RollClock<P extends Timed> {
  readonly #options: RollClockOptions<P>;
  #cancel: (() => void) | undefined;

  constructor(options: RollClockOptions<P>) {
    this.#options = options;
  }

  /** A part was begun. */
  watch(part: P): void {
    if (this.#cancel === undefined) this.#arm(this.#dueAtMs(part));
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #dueAtMs({ begunAtMs, touchedAtMs }: P): number {
    const { age, idle } = this.#options.roll;
    return Math.min(begunAtMs + (age ?? Number.POSITIVE_INFINITY), touchedAtMs + (idle ?? Number.POSITIVE_INFINITY));
  }

  #arm(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) return;
    const { env } = this.#options;
    this.#cancel = env.timers.after(Math.max(0, atMs - env.clock.monotonicMs()), () => this.#closeWhatIsDue());
  }

  #closeWhatIsDue(): void {
    this.#cancel = undefined;
    const nowMs = this.#options.env.clock.monotonicMs();
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const part of [...this.#options.openParts()]) {
      const dueAtMs = this.#dueAtMs(part);
      if (dueAtMs <= nowMs) this.#options.close(part);
      else nextAtMs = Math.min(nextAtMs, dueAtMs);
    }
    this.#arm(nextAtMs);
  }
}
