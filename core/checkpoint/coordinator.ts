import type { Env } from '../contract/env.ts';
import type { Committer, Staged } from '../contract/sink.ts';
import type { PositionCodec } from '../contract/source.ts';
import { SluiceError, toSluiceError } from '../errors.ts';
import { CommitQueue } from './commit-queue.ts';
import { decodeHandle, nameHandle } from './handles.ts';
import { Housekeeping } from './housekeeping.ts';
import { type CheckpointLog, fenced } from './log.ts';
import { type NextSlot, nextSlot } from './next-slot.ts';
import { openPartsState, type SinkCodecs } from './open-parts.ts';
import { checkContinuity, movedPosition } from './protocol.ts';
import type { Slot, SlotKind, SlotSplit, StoredSlot } from './slot.ts';

/** Beyond these the stream waits for commits. */
const CHECKPOINTS_UNSETTLED_MAX = 10;
const HANDLES_UNSETTLED_MAX = 1_000;

export interface CoordinatorOptions<P, H, S> {
  readonly log: CheckpointLog;
  readonly claim: StoredSlot;
  readonly positions: PositionCodec<P>;
  readonly sink: SinkCodecs<H, S>;
  readonly committer: Committer<H, S>;
  readonly env: Env;
  readonly retain: number;
  /** For one slot: from the barrier until it is durable. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The incarnation is over: fenced, lost, or a slot whose outcome stays unknown. */
  onFailed(error: SluiceError): void;
  /** Everything up to these positions is durable, and visible but for what is in parts that stay open. */
  onVisible(splits: readonly SlotSplit[]): void;
}

export interface Cut<H, S> {
  readonly splits: readonly SlotSplit[];
  readonly staged: Staged<H, S>;
  readonly records: number;
  readonly bytes: number;
}

/**
 * Writes the slots of one incarnation and commits what they name. One slot at a time; commits run beside the next cut; a
 * settling slot follows every commit at once. Never aborts anything but orphans of older epochs.
 */
export class Coordinator<P, H, S> {
  readonly #options: CoordinatorOptions<P, H, S>;
  readonly #queue: CommitQueue<H>;
  #newest: StoredSlot;
  /** Slots are written one after the other. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The claim and every slot that moved a position since, as long as something that it names is not committed; oldest first. */
  readonly #notVisible: { seq: number; splits: readonly SlotSplit[] }[];
  /** Set when a slot's outcome is unknown: its number must never be sent again with other bytes. */
  #broken: unknown;
  readonly #housekeeping: Housekeeping<H, S>;
  #wake: (() => void)[] = [];

  constructor(options: CoordinatorOptions<P, H, S>) {
    this.#options = options;
    const { slot } = options.claim;
    this.#newest = options.claim;
    this.#housekeeping = new Housekeeping({ ...options, claim: slot });
    this.#notVisible = [{ seq: slot.seq, splits: slot.source.splits }];
    this.#queue = new CommitQueue({
      committer: options.committer,
      epoch: slot.epoch,
      env: options.env,
      signal: options.signal,
      onSettled: () => this.#settleInBackground(),
      onLost: (error) => this.#lost(error),
      onFailed: (error) => this.#fail(error),
    });
  }

  /** Some parts were still open when the newest slot was made. */
  get hasOpenParts(): boolean {
    return this.newest.sinks.main.state.length > 0;
  }

  get newest(): Slot {
    return this.#newest.slot;
  }

  /** Why the oldest output that had to be retried is not committed yet, if any is. */
  get blockedBy(): SluiceError | undefined {
    return this.#queue.blockedBy;
  }

  /** Step 1 of a start: every handle the claim carries has its turn before anything is read. Rejects when that takes too long. */
  async commitCarried(): Promise<void> {
    const carried = this.newest.pending.map((entry) => decodeHandle(this.#options.sink.handles, entry));
    if (carried.length > 0)
      this.#options.env.log.info('committing what the previous run staged', { handles: carried.length });
    this.#queue.add(carried, this.newest.seq);
    let hadItsTurn = carried.length === 0;
    this.#queue.firstRound().then(() => {
      hadItsTurn = true;
      this.#wakeAll();
    });
    await this.#waitFor(() => hadItsTurn);
    this.#options.signal.throwIfAborted();
    this.#housekeeping.sweep();
    this.#housekeeping.retain();
  }

  /** Makes a cut durable, then starts to commit it. Resolves when the slot is durable. */
  async checkpoint(cut: Cut<H, S>): Promise<void> {
    await this.#write('checkpoint', () => {
      const { slot } = this.#newest;
      const place = { seq: slot.seq + 1, epoch: slot.epoch };
      const named = cut.staged.handles.map((handle, i) =>
        nameHandle(handle, { ...place, counter: slot.sinks.main.counter + i + 1 }),
      );
      return {
        splits: cut.splits,
        named,
        state: openPartsState(this.#options.sink, cut.staged.open),
        records: cut.records,
        bytes: cut.bytes,
      };
    });
    this.#options.env.metrics.add('checkpoints', 1);
    // What has handles is followed by a settling slot, and retention by that.
    if (cut.staged.handles.length === 0) this.#housekeeping.retain();
  }

  /**
   * Resolves when few enough handles are unsettled to go on reading, or `until` aborts; rejects when that takes longer than a
   * checkpoint may.
   */
  async roomForMore(until: AbortSignal): Promise<void> {
    if (!this.#tooMuchUnsettled()) return;
    this.#options.env.log.warn('reading waits until older output is committed', { handles: this.#queue.size });
    await this.#waitFor(() => until.aborted || !this.#tooMuchUnsettled(), until);
  }

  /**
   * Ends an orderly stop: waits until everything is visible and closes the log with a `final` slot. Rejects when output stays
   * uncommitted for longer than a checkpoint may take.
   */
  async finish(): Promise<void> {
    await this.#waitFor(() => this.#queue.size === 0);
    await this.#write('final', () => this.#unchanged());
  }

  /** After an orderly end: gives retention and the sweep a moment. Nothing depends on it. */
  async tidyUp(): Promise<void> {
    await this.#housekeeping.finish();
  }

  /** An idle pipeline has to notice, too, that it was replaced. */
  async proveOwner(): Promise<void> {
    await this.#exclusive(() => this.#options.log.proveOwner(this.newest, this.#call()));
  }

  /** Stops timers. Never commits and never aborts. */
  stop(): void {
    this.#queue.stop();
    this.#housekeeping.stop();
  }

  async #write(kind: Extract<SlotKind, 'checkpoint' | 'final'>, plan: () => NextSlot<H> | undefined): Promise<void> {
    await this.#exclusive(async () => {
      // An incarnation that is over writes no more, even where a store does not look at its signal.
      this.#options.signal.throwIfAborted();
      if (this.#broken !== undefined) throw this.#broken;
      const next = plan();
      if (next === undefined) return;
      const pending = [...this.#queue.pending, ...next.named];
      const slot = nextSlot(this.#newest, { ...next, kind, pending }, this.#options);
      const before = this.newest;
      this.#newest = await this.#append(slot);
      this.#housekeeping.written(slot);
      if (movedPosition(slot, before)) this.#notVisible.push({ seq: slot.seq, splits: slot.source.splits });
      this.#queue.add(next.named, slot.seq);
      this.#tellVisible();
    });
  }

  async #append(slot: Slot): Promise<StoredSlot> {
    const { log, positions } = this.#options;
    const { source } = this.newest;
    try {
      checkContinuity(source, slot.source, positions, { before: source.version, now: slot.source.version });
      const result = await log.append(slot, this.#call());
      if (result.kind === 'taken') throw fenced(result.by?.slot, slot.seq);
      return result.stored;
    } catch (error) {
      this.#broken = error;
      throw error;
    }
  }

  #unchanged(): NextSlot<H> {
    const { source, sinks } = this.newest;
    return { splits: source.splits, named: [], state: sinks.main.state, records: 0, bytes: 0 };
  }

  /**
   * Downstream jobs may move committed files at any time, and a restart that still finds them pending could no longer prove
   * them: so what is settled leaves the log at once, unless a cut that came first has done it already.
   */
  #settleInBackground(): void {
    this.#write('checkpoint', () => {
      const unsettled = new Set(this.#queue.pending.map((handle) => handle.id));
      if (this.newest.pending.every((handle) => unsettled.has(handle.id))) return undefined;
      return this.#unchanged();
    }).then(
      () => this.#housekeeping.retain(),
      (error: unknown) => this.#fail(error),
    );
  }

  #tellVisible(): void {
    const pending = this.newest.pending;
    const oldest = Math.min(Number.POSITIVE_INFINITY, ...pending.map((handle) => handle.seq));
    let visible: readonly SlotSplit[] | undefined;
    while (this.#notVisible[0] !== undefined && this.#notVisible[0].seq < oldest)
      visible = this.#notVisible.shift()?.splits;
    if (visible !== undefined) this.#options.onVisible(visible);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #tooMuchUnsettled(): boolean {
    if (this.#queue.size > HANDLES_UNSETTLED_MAX) return true;
    const oldest = this.#queue.pending[0]?.seq;
    return (
      oldest !== undefined && this.#notVisible.filter(({ seq }) => seq >= oldest).length > CHECKPOINTS_UNSETTLED_MAX
    );
  }

  /** Waits no longer than a checkpoint may take; `until` wakes it up to look. */
  async #waitFor(holds: () => boolean, until = this.#options.signal): Promise<void> {
    const { env, signal, timeoutMs } = this.#options;
    const deadlineMs = env.clock.monotonicMs() + timeoutMs;
    while (!holds()) {
      const leftMs = deadlineMs - env.clock.monotonicMs();
      signal.throwIfAborted();
      if (leftMs <= 0) throw this.#stuck(`not committed within ${timeoutMs} ms`);
      const pause = new AbortController();
      this.#wake.push(() => pause.abort());
      await env.timers.sleep(Math.min(leftMs, 1_000), { signal: AbortSignal.any([pause.signal, until, signal]) });
    }
  }

  #stuck(why: string): SluiceError {
    const cause = this.blockedBy;
    // What is only away is waited for like any other absence; what says no has a bounded number of restarts.
    return new SluiceError(cause?.kind === 'unavailable' ? 'unavailable' : 'rejected', 'COMMIT_STUCK', {
      message: `${this.#queue.size} staged files could not be committed: ${cause?.message ?? why}`,
      help: cause?.help ?? 'They stay staged, nothing is lost; the next start commits them first.',
      details: { handles: this.#queue.pending.slice(0, 10).map((handle) => handle.id) },
      cause,
    });
  }

  async #lost(error: SluiceError): Promise<never> {
    // A fenced instance finds nothing staged because its successor has committed it: that is no loss.
    await this.proveOwner();
    throw error;
  }

  #fail(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.onFailed(toSluiceError(error));
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#writing.then(work);
    // The next in line runs whatever came of this one; the caller of this one gets its error.
    this.#writing = turn.catch(() => undefined);
    return await turn;
  }

  #call(): { signal: AbortSignal; deadlineMs: number } {
    const { env, signal, timeoutMs } = this.#options;
    return { signal, deadlineMs: env.clock.monotonicMs() + timeoutMs };
  }
}
