import type { CounterName, Env, GaugeName } from '../../../core/contract/env.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';

/** One process on a virtual clock: nothing sleeps, and what it logged, counted and drew can be looked at. */
export class VirtualEnv {
  readonly env: Env;
  readonly counters = new Map<CounterName, number>();
  readonly gauges = new Map<GaugeName, number>();
  /** What `env.random` gives. */
  random = 0.5;
  readonly #time: VirtualTime;
  readonly #lines: string[];
  readonly #kill: () => void;

  constructor({ time = new VirtualTime(), pid = 1 }: { time?: VirtualTime; pid?: number } = {}) {
    const process = time.process({ pid, seed: pid });
    this.#time = time;
    this.#lines = process.lines;
    this.#kill = () => process.kill();
    this.env = {
      ...process.env,
      random: { next: () => this.random },
      metrics: {
        add: (counter, n) => this.counters.set(counter, (this.counters.get(counter) ?? 0) + n),
        set: (gauge, value) => this.gauges.set(gauge, value),
      },
    };
  }

  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** What was logged, one line each, beginning with the level. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** None of its timers fires any more. */
  kill(): void {
    this.#kill();
  }

  /** Lets time jump from timer to timer until `awaited` settles. */
  async run<T>(awaited: Promise<T>, { limitMs = 3_600_000 }: { limitMs?: number } = {}): Promise<T> {
    return await this.#time.run(awaited, { limitMs });
  }

  /** Lets `ms` pass, firing every timer that falls due. */
  async advance(ms: number): Promise<void> {
    await this.run(this.env.timers.sleep(ms), { limitMs: ms });
  }

  /** Lets time pass in small steps until `holds`; throws when it does not within `limitMs`. */
  async until(holds: () => boolean, { limitMs = 3_600_000, stepMs = 10 } = {}): Promise<void> {
    const endMs = this.nowMs + limitMs;
    while (!holds()) {
      if (this.nowMs >= endMs) throw new Error(`did not come true within ${limitMs} ms: ${holds}`);
      await this.advance(stepMs);
    }
  }

  /** Everything that can happen without time passing happens. */
  async settle(): Promise<void> {
    await this.advance(0);
  }
}
