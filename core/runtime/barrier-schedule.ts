const FIRST_DELAY_MS = 200;

/**
 * When the next barrier is due, in ms from now: 200 ms after the first record of a quiet stream (so that little data is
 * visible soon), and every interval while data flows. All times monotonic.
 */
export function barrierDelayMs({
  nowMs,
  lastCutAtMs,
  lastDoneAtMs,
  intervalMs,
  minPauseMs,
}: {
  nowMs: number;
  /** Undefined before the first cut. */
  lastCutAtMs: number | undefined;
  lastDoneAtMs: number | undefined;
  intervalMs: number;
  minPauseMs: number;
}): number {
  const first = Math.min(FIRST_DELAY_MS, intervalMs);
  if (lastCutAtMs === undefined) return first;
  const byInterval = lastCutAtMs + intervalMs - nowMs;
  const byPause = lastDoneAtMs === undefined ? 0 : lastDoneAtMs + minPauseMs - nowMs;
  return Math.max(byInterval > 0 ? byInterval : Math.min(first, intervalMs), byPause, 0);
}
