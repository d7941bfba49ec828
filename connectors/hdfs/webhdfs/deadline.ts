import type { Env } from '../../../core/spi.ts';
import { WireError } from './wire.ts';

/** Runs `call` with a signal that aborts with the caller’s, or after `ms` as a request without an answer. */
export async function withDeadline<T>(
  timers: Pick<Env['timers'], 'after'>,
  ms: number,
  outer: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const own = new AbortController();
  const abort = () => own.abort(outer?.reason);
  outer?.addEventListener('abort', abort, { once: true });
  const cancel = timers.after(ms, () => own.abort(new WireError(`no whole answer within ${ms} ms`, { isSent: true })));
  try {
    return await call(own.signal);
  } finally {
    cancel();
    outer?.removeEventListener('abort', abort);
  }
}
