import type { CallOptions } from './store.ts';

/** One budget per process for prefetch, parts and uploads. */
export interface MemoryBudget {
  readonly limitBytes: number;
  /**
   * Waits until `bytes` fit, first come first served. A request larger than the whole budget is granted when nothing else
   * is reserved, so one oversize batch may overdraw but never stops the pipeline. Rejects when `signal` aborts.
   */
  reserve(bytes: number, options?: CallOptions): Promise<Reservation>;
}

export interface Reservation {
  readonly bytes: number;
  /** Grows or shrinks to what is really used; growing may overdraw. */
  resize(bytes: number): void;
  /** Gives it back. Twice is the same as once. */
  release(): void;
}
