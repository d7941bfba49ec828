import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as it reads in "not within 10 s: ...". */
  what: string;
  timeoutMs?: number;
  everyMs?: number;
}

/** Polls until `probe` returns something truthy and returns that; throws once the bound has passed. A throwing probe counts as "not yet". */
export async function waitFor<T>(
  probe: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  { what, timeoutMs = 30_000, everyMs = 25 }: WaitOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let why: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      why = undefined;
    } catch (error) {
      why = error;
    }
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause: why });
    await sleep(everyMs);
  }
}
