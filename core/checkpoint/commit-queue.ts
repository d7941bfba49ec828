import { assert, unreachable } from '../assert.ts';
import type { Env } from '../contract/env.ts';
import type { CommitPermit, Committer, PendingHandle, Verdict } from '../contract/sink.ts';
import { SluiceError } from '../errors.ts';
import { describeCovers } from './handles.ts';

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;

type Entry<H> = { handle: PendingHandle<H>; retry: { atMs: number; pauseMs: number; cause: SluiceError } | undefined };

export interface CommitQueueOptions<H> {
  readonly committer: Committer<H>;
  readonly epoch: number;
  readonly env: Env;
  readonly signal: AbortSignal;
  /** After every round that settled something. */
  onSettled(): void;
  /** A handle is neither staged nor visible: throws `fenced` or `dataLoss`, after looking for a newer slot. */
  onLost(error: SluiceError): Promise<void>;
  onFailed(error: unknown): void;
}

/**
 * Commits handles that a durable slot names, one commit per handle at a time, lower phases first. A verdict of `retryLater`
 * stays here until it is settled; only `add` brings handles in, and only the coordinator calls it, after the slot is durable.
 */
export class CommitQueue<H> {
  readonly #options: CommitQueueOptions<H>;
  readonly #entries = new Map<string, Entry<H>>();
  #durableSeq = 0;
  #running: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: CommitQueueOptions<H>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Handles not settled yet, oldest first. */
  get pending(): PendingHandle<H>[] {
    return [...this.#entries.values()].map((entry) => entry.handle);
  }

  /** Why the oldest handle that had to be retried is not settled, if any. */
  get blockedBy(): SluiceError | undefined {
    for (const { retry } of this.#entries.values()) if (retry !== undefined) return retry.cause;
    return undefined;
  }

  /** `seq` is durable and names these handles: that is what a permit stands for. */
  add(handles: readonly PendingHandle<H>[], seq: number): void {
    this.#durableSeq = seq;
    for (const handle of handles) this.#entries.set(handle.id, { handle, retry: undefined });
    this.#start();
  }

  /** Resolves when every handle in the queue now had its turn once. */
  async firstRound(): Promise<void> {
    await this.#running;
  }

  /** Stops retrying; a commit under way ends by its own signal. */
  stop(): void {
    this.#cancelRetry?.();
  }

  #start(): void {
    if (this.#running !== undefined || this.#options.signal.aborted) return;
    this.#cancelRetry?.();
    this.#running = this.#run()
      .catch((error: unknown) => this.#options.onFailed(error))
      .finally(() => {
        this.#running = undefined;
        this.#scheduleRetry();
      });
  }

  async #run(): Promise<void> {
    const { committer, epoch, signal, env } = this.#options;
    for (let batch = this.#due(); batch.length > 0 && !signal.aborted; batch = this.#due()) {
      const permit = { seq: this.#durableSeq, epoch } as CommitPermit;
      const verdicts = await committer.commit(batch, permit, { signal });
      assert(verdicts.length === batch.length, 'a committer gives one verdict per handle');
      if (signal.aborted) return;
      let settled = 0;
      for (const [i, handle] of batch.entries()) if (await this.#take(handle, verdicts[i] as Verdict)) settled++;
      env.metrics.add('files', settled);
      env.metrics.set('pendingHandles', this.#entries.size);
      if (settled > 0) this.#options.onSettled();
    }
  }

  /** The lowest phase that has anything left, as far as it is due. */
  #due(): PendingHandle<H>[] {
    const nowMs = this.#options.env.clock.monotonicMs();
    let phase = Number.POSITIVE_INFINITY;
    for (const { handle } of this.#entries.values()) phase = Math.min(phase, handle.phase);
    return [...this.#entries.values()]
      .filter(({ handle, retry }) => handle.phase === phase && (retry === undefined || retry.atMs <= nowMs))
      .map(({ handle }) => handle);
  }

  /** True when the verdict settles the handle. */
  async #take(handle: PendingHandle<H>, verdict: Verdict): Promise<boolean> {
    const { env } = this.#options;
    switch (verdict.kind) {
      case 'committed':
      case 'alreadyCommitted':
        return this.#entries.delete(handle.id);
      case 'retryLater': {
        const entry = this.#entries.get(handle.id) as Entry<H>;
        const pauseMs = Math.min((entry.retry?.pauseMs ?? RETRY_FIRST_MS / 2) * 2, RETRY_MAX_MS);
        entry.retry = { atMs: env.clock.monotonicMs() + pauseMs, pauseMs, cause: verdict.cause };
        env.log.warn('a commit has to be tried again', { handle: handle.id, cause: verdict.cause.message, pauseMs });
        return false;
      }
      case 'lost':
        await this.#options.onLost(lost(handle, verdict.why));
        return false;
      default:
        return unreachable(verdict);
    }
  }

  #scheduleRetry(): void {
    if (this.#options.signal.aborted || this.#entries.size === 0) return;
    const nowMs = this.#options.env.clock.monotonicMs();
    if (this.#due().length > 0) {
      this.#start();
      return;
    }
    const next = Math.min(...[...this.#entries.values()].map(({ retry }) => retry?.atMs ?? Number.POSITIVE_INFINITY));
    this.#cancelRetry = this.#options.env.timers.after(Math.max(1, next - nowMs), () => this.#start());
  }
}

function lost<H>(handle: PendingHandle<H>, why: string): SluiceError {
  return new SluiceError('dataLoss', 'COMMIT_LOST', {
    message: `staged output is gone before it became visible: ${why}. It holds ${describeCovers(handle.covers)}`,
    help:
      'If a downstream job took the file, nothing is lost: run `sluice checkpoints resolve --accept-lost`. ' +
      'Otherwise `sluice checkpoints resolve --replay` reads these offsets again.',
    details: { handle: handle.id, covers: handle.covers, staged: handle.payload },
  });
}
