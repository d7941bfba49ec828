export interface StopSignals {
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Gives the signals back to Node. */
  release(): void;
}

/** The first signal asks for an orderly stop, the second ends the process at once. */
export function stopSignals({ onFirst, onSecond }: { onFirst: () => void; onSecond: () => never }): StopSignals {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) onSecond();
    onFirst();
    controller.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}
