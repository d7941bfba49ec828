import type { Coordinator } from '../checkpoint/coordinator.ts';
import type { Env } from '../contract/env.ts';
import type { SinkWriter } from '../contract/sink.ts';
import { SluiceError } from '../errors.ts';
import { barrierDelayMs } from './barrier-schedule.ts';
import type { SplitTable } from './split-table.ts';

export interface CutsOptions {
  readonly env: Env;
  readonly checkpoints: { readonly interval: number; readonly timeout: number; readonly minPause: number };
  readonly splits: SplitTable<unknown>;
  readonly writer: SinkWriter;
  readonly coordinator: Coordinator<unknown, unknown, unknown>;
  /** Aborts when the incarnation is over. */
  readonly signal: AbortSignal;
  /** Ends the incarnation. */
  fail(error: unknown): void;
}

/** When barriers come and what becomes of them: one cut at a time, the next one scheduled when it is durable. */
export class Cuts {
  readonly #options: CutsOptions;
  #number = 0;
  #recordsSinceCut = 0;
  /** Closed parts wait for a cut, even if no position moves. */
  #isWanted = false;
  #inFlight: Promise<void> | undefined;
  #lastCutAtMs: number | undefined;
  #lastDoneAtMs: number | undefined;
  #cancelBarrier: (() => void) | undefined;
  #cancelLimit: (() => void) | undefined;

  constructor(options: CutsOptions) {
    this.#options = options;
  }

  /** Some checkpoint is durable. */
  get madeCheckpoint(): boolean {
    return this.#lastDoneAtMs !== undefined;
  }

  /** Since the last durable checkpoint, or since this process began. */
  get quietMs(): number {
    return this.#options.env.clock.monotonicMs() - (this.#lastDoneAtMs ?? 0);
  }

  /** So many records were taken by the sink. */
  taken(records: number): void {
    this.#recordsSinceCut += records;
    this.#schedule();
  }

  want(): void {
    this.#isWanted = true;
    this.#schedule();
  }

  /** The cut in flight, if any. Rejects when that fails. */
  async settled(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
  }

  /** The cut in flight, if any, and then one of its own if anything is to be said. The `last` one closes every part. */
  async now({ last }: { last: boolean }): Promise<void> {
    await this.settled();
    this.#cancelBarrier?.();
    this.#cancelBarrier = undefined;
    if (this.#isDue || (last && this.#options.coordinator.hasOpenParts)) await this.#cut({ last });
  }

  stop(): void {
    this.#cancelBarrier?.();
    this.#cancelLimit?.();
  }

  get #isDue(): boolean {
    return this.#isWanted || this.#options.splits.changed;
  }

  #schedule(): void {
    if (this.#cancelBarrier !== undefined || this.#inFlight !== undefined || !this.#isDue) return;
    const { env, checkpoints, signal } = this.#options;
    if (signal.aborted) return;
    const delayMs = barrierDelayMs({
      nowMs: env.clock.monotonicMs(),
      lastCutAtMs: this.#lastCutAtMs,
      lastDoneAtMs: this.#lastDoneAtMs,
      intervalMs: checkpoints.interval,
      minPauseMs: checkpoints.minPause,
    });
    this.#cancelBarrier = env.timers.after(delayMs, () => {
      this.#cancelBarrier = undefined;
      if (this.#inFlight !== undefined || signal.aborted) return;
      this.#cut({ last: false }).catch(() => undefined); // It has told `fail`.
    });
  }

  /**
   * Cuts now: positions and sink in one synchronous step. The stream goes on while the cut becomes durable; one that does not
   * ends the incarnation and rejects here too.
   */
  #cut({ last }: { last: boolean }): Promise<void> {
    const { env, checkpoints, splits: table, writer, coordinator, fail } = this.#options;
    const startedMs = env.clock.monotonicMs();
    const splits = table.snapshot();
    const records = this.#recordsSinceCut;
    this.#recordsSinceCut = 0;
    this.#isWanted = false;
    this.#lastCutAtMs = startedMs;
    this.#cancelLimit = env.timers.after(checkpoints.timeout, () => fail(this.#timedOut()));
    const durable = (async () => {
      const staged = await writer.cut({ number: ++this.#number, last });
      const bytes = staged.handles.reduce((sum, handle) => sum + handle.bytes, 0);
      await coordinator.checkpoint({ splits, staged, records, bytes });
      env.metrics.add('bytes', bytes);
    })();
    this.#inFlight = durable.then(
      () => {
        this.#cancelLimit?.();
        this.#inFlight = undefined;
        this.#lastDoneAtMs = env.clock.monotonicMs();
        env.metrics.set('checkpointMs', this.#lastDoneAtMs - startedMs);
        env.metrics.set('lastCheckpointAtMs', this.#lastDoneAtMs);
        this.#schedule();
      },
      (error: unknown) => {
        this.#cancelLimit?.();
        fail(error);
        throw error;
      },
    );
    return this.#inFlight;
  }

  #timedOut(): SluiceError {
    const { timeout } = this.#options.checkpoints;
    return new SluiceError('unavailable', 'CHECKPOINT_TIMEOUT', {
      message: `a checkpoint was not durable within ${timeout} ms`,
      help: 'Look at the disk or store behind the sink and the checkpoints, or raise checkpoints.timeout.',
    });
  }
}
