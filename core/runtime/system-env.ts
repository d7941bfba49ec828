import type { Env, Logger, Metrics } from '../contract/env.ts';
import { VERSION } from '../version.ts';

export interface SystemEnvOptions {
  /** Names this machine in slots; the core knows no operating system, so the caller passes `os.hostname()`. */
  host?: string;
  log?: Logger;
  metrics?: Metrics;
}

/** The real world. The only file of the engine that reads the clock, arms timers or draws random numbers. */
export function systemEnv({ host = 'localhost', log = quietLog, metrics = noMetrics }: SystemEnvOptions = {}): Env {
  return {
    self: { host, pid: process.pid, version: VERSION },
    clock: {
      nowMs: () => Date.now(),
      isoNow: () => new Date().toISOString(),
      monotonicMs: () => performance.now(),
    },
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
