import { type Env, unreachable } from '../../core/spi.ts';
import { S3Error } from './errors.ts';

const UNKNOWN_ATTEMPTS_MAX = 8;
const UNKNOWN_PAUSE_FIRST_MS = 100;
const UNKNOWN_PAUSE_MAX_MS = 5_000;
/** Some twenty minutes: longer than a checkpoint may take, which is what really ends it. */
const THROTTLED_ATTEMPTS_MAX = 64;
const THROTTLED_PAUSE_FIRST_MS = 250;
const THROTTLED_PAUSE_MAX_MS = 20_000;
/** A fresh client may have fresh keys. */
const CREDENTIALS_ATTEMPTS_MAX = 3;

export type RetryPlan =
  | { kind: 'giveUp' }
  | { kind: 'again'; pauseMs: number }
  /** Everybody waits, not only this request. */
  | { kind: 'slowDown'; pauseMs: number };

/** What to do after the `attempt`th (from 1) failure of a request that may be sent again. `random` is uniform in [0, 1). */
export function planRetry({ reason }: Pick<S3Error, 'reason'>, attempt: number, random: number): RetryPlan {
  const pauseMs = (firstMs: number, maxMs: number) =>
    Math.min(firstMs * 2 ** (attempt - 1), maxMs) * (0.5 + random / 2);
  switch (reason) {
    case 'throttled':
      if (attempt >= THROTTLED_ATTEMPTS_MAX) return { kind: 'giveUp' };
      return { kind: 'slowDown', pauseMs: pauseMs(THROTTLED_PAUSE_FIRST_MS, THROTTLED_PAUSE_MAX_MS) };
    case 'unknown':
    case 'conflict':
      if (attempt >= UNKNOWN_ATTEMPTS_MAX) return { kind: 'giveUp' };
      return { kind: 'again', pauseMs: pauseMs(UNKNOWN_PAUSE_FIRST_MS, UNKNOWN_PAUSE_MAX_MS) };
    case 'credentials':
      if (attempt >= CREDENTIALS_ATTEMPTS_MAX) return { kind: 'giveUp' };
      return { kind: 'again', pauseMs: pauseMs(UNKNOWN_PAUSE_FIRST_MS, UNKNOWN_PAUSE_MAX_MS) };
    case 'preconditionFailed':
    case 'noSuchKey':
    case 'noSuchUpload':
    case 'noSuchBucket':
    case 'invalidPart':
    case 'denied':
    case 'notImplemented':
    case 'refused':
      return { kind: 'giveUp' };
    default:
      return unreachable(reason);
  }
}

/** Repeats requests that may be repeated. A store that asks to come slower slows down all of them. */
export class Retrier {
  readonly #env: Pick<Env, 'clock' | 'timers' | 'random' | 'log'>;
  #notBeforeMs = 0;

  constructor(env: Pick<Env, 'clock' | 'timers' | 'random' | 'log'>) {
    this.#env = env;
  }

  /** Rejects with the last failure, or with the signal’s reason. */
  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { log, random, timers } = this.#env;
    for (let attempt = 1; ; attempt++) {
      await this.pace(signal);
      signal.throwIfAborted();
      try {
        return await call();
      } catch (error) {
        if (signal.aborted || !(error instanceof S3Error)) throw error;
        const plan = planRetry(error, attempt, random.next());
        if (plan.kind === 'giveUp') throw error;
        log.debug('a request is sent again', { cause: error.message, attempt, pauseMs: plan.pauseMs });
        if (plan.kind === 'slowDown') this.slowDown(plan.pauseMs);
        else await timers.sleep(plan.pauseMs, { signal });
      }
    }
  }

  /** Until requests may be sent again. */
  async pace(signal: AbortSignal): Promise<void> {
    const { clock, timers, random } = this.#env;
    while (!signal.aborted) {
      const waitMs = this.#notBeforeMs - clock.monotonicMs();
      if (waitMs <= 0) return;
      // Not all at the same moment, or the store would say it again. Whoever comes first may be told to wait longer, all then do.
      await timers.sleep(waitMs * (1 + random.next() / 2), { signal });
    }
  }

  slowDown(pauseMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#env.clock.monotonicMs() + pauseMs);
  }
}
