import type { Env, LogFields, Metrics } from '../core/contract/env.ts';
import { VERSION } from '../core/version.ts';
import { Dice } from './dice.ts';

/** The event loop gets its turn so often, for signals and for tests that have a time limit. */
const FIRED_PER_TURN = 1_000;

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly owner: VirtualProcess;
  run(): void;
}

/** Nothing is left that could make the awaited thing happen. */
class StuckError extends Error {}

/**
 * A clock that stands still while anything can run and jumps to the next timer when nothing can: an hour of waiting takes no
 * time, and the same seed gives the same run. Ports must answer without the outside world (microtasks only).
 */
export class VirtualTime {
  readonly #timers = new Set<Timer>();
  #nowMs = 0;
  #order = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  process(options: { pid: number; seed: number }): VirtualProcess {
    return new VirtualProcess(this, options);
  }

  /** Runs until `awaited` settles; throws `StuckError` when no timer is left or `limitMs` of virtual time have passed. */
  run<T>(awaited: Promise<T>, { limitMs = 3_600_000 }: { limitMs?: number } = {}): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    awaited.then(done, done);
    const endMs = this.#nowMs + limitMs;
    return new Promise<T>((resolve, reject) => {
      // Outside of any microtask, since only there all of them can be run to their end.
      const turn = () => {
        try {
          for (let fired = 0; fired < FIRED_PER_TURN; fired++) {
            runMicrotasks();
            if (settled) return resolve(awaited);
            this.#fireNext(endMs, limitMs);
          }
          setImmediate(turn);
        } catch (error) {
          reject(error);
        }
      };
      setImmediate(turn);
    });
  }

  /** Called by processes. */
  arm(owner: VirtualProcess, ms: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, owner, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** A dead process has no timers. */
  forget(owner: VirtualProcess): void {
    for (const timer of this.#timers) if (timer.owner === owner) this.#timers.delete(timer);
  }

  #fireNext(endMs: number, limitMs: number): void {
    const next = this.#next();
    if (next === undefined) throw new StuckError('nothing is left to happen');
    if (next.atMs > endMs) throw new StuckError(`nothing came of it within ${limitMs} ms`);
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.run();
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.owner.paused) continue;
      if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}

/** One process of a simulated run: its `env`, and a death after which none of its timers fires. */
export class VirtualProcess {
  readonly env: Env;
  readonly lines: string[] = [];
  /** A paused process has timers that do not fire; they are overdue when it goes on. */
  paused = false;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime, { pid, seed }: { pid: number; seed: number }) {
    this.#time = time;
    const random = new Dice(seed).next;
    const log = (level: string) => (message: string, fields?: LogFields) => {
      this.lines.push(`${level} ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`);
    };
    this.env = {
      self: { host: 'virtual', pid, version: VERSION },
      clock: {
        nowMs: () => time.nowMs,
        isoNow: () => new Date(time.nowMs).toISOString(),
        monotonicMs: () => time.nowMs,
      },
      timers: {
        after: (ms, run) => time.arm(this, ms, run),
        sleep: (ms, { signal } = {}) =>
          new Promise((resolve) => {
            if (signal?.aborted) return resolve();
            const done = () => {
              cancel();
              signal?.removeEventListener('abort', done);
              resolve();
            };
            const cancel = time.arm(this, ms, done);
            signal?.addEventListener('abort', done);
          }),
      },
      random: { next: random },
      ids: { hex: (bytes) => Array.from({ length: bytes }, () => hexByte(random())).join('') },
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      metrics: noMetrics,
    };
  }

  kill(): void {
    this.#time.forget(this);
  }
}

const noMetrics: Metrics = { add() {}, set() {} };

/** Runs every microtask that can run, and those that they make. Node's own, never documented and in every version. */
function runMicrotasks(): void {
  (process as unknown as { _tickCallback(): void })._tickCallback();
}

function hexByte(random: number): string {
  return Math.floor(random * 256)
    .toString(16)
    .padStart(2, '0');
}
