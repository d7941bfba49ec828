import type { Env } from '../contract/env.ts';

const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Closes sockets and files, for a while: what does not close in time is left to the end of the process. Never rejects: what
 * a part says while it closes cannot matter, as all that counts is in a slot by then, or in the error that led here.
 */
export async function closeAll(
  parts: readonly (AsyncDisposable | undefined)[],
  { timers }: Pick<Env, 'timers'>,
): Promise<void> {
  const closed = new AbortController();
  const closing = Promise.allSettled(parts.map(async (part) => part?.[Symbol.asyncDispose]()));
  await Promise.race([closing.then(() => closed.abort()), timers.sleep(CLOSE_TIMEOUT_MS, { signal: closed.signal })]);
}
