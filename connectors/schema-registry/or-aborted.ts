/** What `awaited` becomes, or a rejection with the reason of `signal` as soon as that aborts. */
export async function orAborted<T>(awaited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await awaited;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    // Both are heard, so that neither fails without anybody who listens.
    return await Promise.race([aborted, awaited]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
