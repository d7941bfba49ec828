import type { Env } from '../contract/env.ts';
import { SluiceError } from '../errors.ts';

const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 2_000;

/**
 * Repeats a read that may be repeated for as long as the answer is `unavailable`, until `deadlineMs` (monotonic) or the signal.
 * Only for calls that change nothing, or that say again exactly what they said before.
 */
export async function untilAvailable<T>(
  env: Env,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  call: () => Promise<T>,
): Promise<T> {
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 1.5, PAUSE_MAX_MS)) {
    try {
      return await call();
    } catch (error) {
      const away = error instanceof SluiceError && error.kind === 'unavailable';
      if (!away || signal.aborted || env.clock.monotonicMs() + pauseMs > deadlineMs) throw error;
      env.log.debug('the checkpoint store is away, trying again', { cause: error.message, pauseMs });
    }
    await env.timers.sleep(pauseMs * (0.5 + env.random.next() / 2), { signal });
  }
}
