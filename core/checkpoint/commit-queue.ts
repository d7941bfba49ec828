import { assert, unreachable } from '../assert.ts';
import type { Env } from '../contract/env.ts';
import type { CommitPermit, Committer, PendingHandle, Verdict } from '../contract/sink.ts';
import { SluiceError } from '../errors.ts';
import { describeCovers } from './handles.ts';

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;

type Entry<H> = { handle: PendingHandle<H>; retry: { atMs: number; pauseMs: number; cause: SluiceError } | undefined };
type Loss<H> = { handle: PendingHandle<H>; why: string };

export interface CommitQueueOptions<H> {
  readonly committer: Committer<H>;
  readonly epoch: number;
  readonly env: Env;
  readonly signal: AbortSignal;
  /** After every round that settled something. */
  onSettled(): void;
  /** Handles are neither staged nor visible: throws `fenced` or `dataLoss`, after looking for a newer slot. */
  onLost(error: SluiceError): Promise<never>;
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
    this.#options.env.metrics.set('pendingHandles', this.#entries.size);
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
      const before = this.#entries.size;
      const losses = batch.flatMap((handle, i) => this.#take(handle, verdicts[i] as Verdict) ?? []);
      const settled = before - this.#entries.size;
      env.metrics.add('files', settled);
      env.metrics.set('pendingHandles', this.#entries.size);
      // What is settled leaves the log even when a loss ends the run: its files may be moved before the next start.
      if (settled > 0) this.#options.onSettled();
      if (losses.length > 0) await this.#options.onLost(lost(losses));
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

  /** Settles the handle, or arms its retry; what is lost is returned. */
  #take(handle: PendingHandle<H>, verdict: Verdict): Loss<H> | undefined {
    const { env } = this.#options;
    switch (verdict.kind) {
      case 'committed':
      case 'alreadyCommitted':
        this.#entries.delete(handle.id);
        return undefined;
      case 'retryLater': {
        const entry = this.#entries.get(handle.id) as Entry<H>;
        const pauseMs = Math.min((entry.retry?.pauseMs ?? RETRY_FIRST_MS / 2) * 2, RETRY_MAX_MS);
        entry.retry = { atMs: env.clock.monotonicMs() + pauseMs, pauseMs, cause: verdict.cause };
        env.log.warn('a commit has to be tried again', { handle: handle.id, cause: verdict.cause.message, pauseMs });
        return undefined;
      }
      case 'lost':
        return { handle, why: verdict.why };
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

function lost<H>(losses: readonly Loss<H>[]): SluiceError {
  const [first] = losses;
  const covers = losses.map(({ handle }) => describeCovers(handle.covers)).join('; ');
  return new SluiceError('dataLoss', 'COMMIT_LOST', {
    message: `staged output is gone before it became visible: ${first?.why}. It held ${covers}`,
    help:
      'If a downstream job took the file, nothing is lost: run `sluice checkpoints resolve --accept-lost`. ' +
      'Otherwise `sluice checkpoints resolve --replay` reads these offsets again.',
    details: { lost: losses.map(({ handle: { id, covers, payload } }) => ({ handle: id, covers, staged: payload })) },
  });
}
