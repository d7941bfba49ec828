import type { Env, Logger, Metrics } from '../contract/env.ts';

/** The real world. The only file of the engine that reads the clock, arms timers or draws random numbers. */
export function systemEnv({ log = quietLog, metrics = noMetrics }: { log?: Logger; metrics?: Metrics } = {}): Env {
  return {
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    timers: {
      sleep: (ms, { signal } = {}) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const done = () => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', done);
            resolve();
          };
          const timer = setTimeout(done, ms);
          signal?.addEventListener('abort', done);
        }),
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
    random: { next: () => Math.random() },
    ids: { hex: (bytes) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex') },
    log,
    metrics,
  };
}

const quietLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const noMetrics: Metrics = { add() {}, set() {} };
