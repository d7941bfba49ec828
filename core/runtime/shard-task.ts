import { Coordinator } from '../checkpoint/coordinator.ts';
import type { CheckpointLog } from '../checkpoint/log.ts';
import { finishOpenParts, openPartsLost, openPartsOf } from '../checkpoint/open-parts.ts';
import type { Claim } from '../checkpoint/restore.ts';
import type { SlotSplit } from '../checkpoint/slot.ts';
import type { Frame } from '../contract/batch.ts';
import type { Env } from '../contract/env.ts';
import type { MemoryBudget } from '../contract/memory.ts';
import type { Owner, Sink, SinkSession, SinkWriter } from '../contract/sink.ts';
import type { Source, SourceSession, SplitReader } from '../contract/source.ts';
import { SluiceError, toSluiceError } from '../errors.ts';
import { closeAll } from './close.ts';
import { Cuts } from './cuts.ts';
import { findNewSplits } from './discovery.ts';
import { SplitTable } from './split-table.ts';

/** How often an idle incarnation looks whether it was replaced. */
const PROVE_OWNER_EVERY_MS = 60_000;
/** Files of an earlier run that are named in one slot. */
const FINISHED_AT_ONCE = 64;

export interface ShardTaskOptions {
  readonly env: Env;
  readonly owner: Owner;
  readonly source: Source;
  readonly sourceSession: SourceSession;
  readonly sink: Sink;
  readonly log: CheckpointLog;
  readonly claim: Claim<unknown>;
  readonly memory: MemoryBudget;
  readonly checkpoints: { interval: number; timeout: number; minPause: number; retain: number };
  readonly shutdownTimeoutMs: number;
  /** Asks for an orderly stop. */
  readonly stop: AbortSignal;
  /** Ends the incarnation; aborted by the task itself when anything fails. */
  readonly incarnation: AbortController;
}

export interface ShardOutcome {
  readonly how: 'finished' | 'stopped';
}

/** One incarnation of one shard, from the durable claim to the final slot: reads, writes, cuts, commits. */
export class ShardTask {
  readonly #options: ShardTaskOptions;
  readonly #splits: SplitTable<unknown>;
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #session: SinkSession | undefined;
  #coordinator!: Coordinator<unknown, unknown, unknown>;
  #writer!: SinkWriter;
  #reader!: SplitReader;
  #cuts: Cuts | undefined;
  #cancelStopLimit: (() => void) | undefined;
  #cancelTimers: (() => void)[] = [];

  constructor(options: ShardTaskOptions) {
    this.#options = options;
    const { claim, source } = options;
    this.#splits = new SplitTable(source.positions, claim.stored.slot.source.splits, claim.assigned);
    this.#failed = new Promise((_, reject) => {
      this.#fail = (error) => {
        reject(toSluiceError(error));
        options.incarnation.abort();
      };
    });
    // Everybody who awaits races with it; when nobody does any more the failure has been told already.
    this.#failed.catch(() => undefined);
  }

  /** This incarnation made a slot that moved a position: restarts count from here. */
  get madeCheckpoint(): boolean {
    return this.#cuts?.madeCheckpoint ?? false;
  }

  async run(): Promise<ShardOutcome> {
    const { stop, incarnation } = this.#options;
    if (stop.aborted) this.#limitStop();
    else stop.addEventListener('abort', () => this.#limitStop(), { once: true, signal: incarnation.signal });
    try {
      return await Promise.race([this.#run(), this.#failed]);
    } finally {
      await this.#dispose();
    }
  }

  async #run(): Promise<ShardOutcome> {
    const { env, owner, sink, claim, memory, incarnation } = this.#options;
    const { signal } = incarnation;
    this.#session = await this.#opened(sink.open({ ...owner, env, epoch: claim.epoch, memory, signal }));
    this.#coordinator = this.#makeCoordinator(this.#session.committer);
    await this.#coordinator.commitCarried();
    await this.#finishOpenParts(this.#session);
    this.#writer = await this.#opened(this.#session.openWriter({ wantsCut: () => this.#cuts?.want() }));
    this.#cuts = this.#makeCuts();
    this.#reader = this.#options.sourceSession.openReader();
    this.#reader.assign(claim.assigned);
    this.#startTimers();

    const how = await this.#read();
    signal.throwIfAborted();
    await this.#finish();
    return { how };
  }

  /** What the incarnation before had open is named as a file of this one before anything else is written. */
  async #finishOpenParts(session: SinkSession): Promise<void> {
    const { env, sink, claim } = this.#options;
    const open = openPartsOf(sink, claim.stored.slot);
    // What is named need not be done again, whatever happens to the rest.
    for (let from = 0; from < open.length; from += FINISHED_AT_ONCE)
      await this.#finishSome(session, open.slice(from, from + FINISHED_AT_ONCE), open.slice(from + FINISHED_AT_ONCE));
    if (open.length > 0) env.log.info('finished what the previous run was still writing', { files: open.length });
  }

  async #finishSome(session: SinkSession, some: readonly unknown[], open: readonly unknown[]): Promise<void> {
    const { env, claim, incarnation } = this.#options;
    const finished = await finishOpenParts(session, some);
    incarnation.signal.throwIfAborted();
    const lost = finished.filter((part) => part.kind === 'lost');
    if (lost.length > 0) {
      // A fenced instance finds them gone because its successor has finished them: that is no loss.
      await this.#coordinator.proveOwner();
      throw openPartsLost(lost);
    }
    const handles = finished.flatMap((part) => (part.kind === 'staged' ? [part.handle] : []));
    const bytes = handles.reduce((sum, handle) => sum + handle.bytes, 0);
    const { splits } = claim.stored.slot.source;
    await this.#coordinator.checkpoint({ splits, staged: { handles, open }, records: 0, bytes });
    env.metrics.add('bytes', bytes);
  }

  /** What opens only after the incarnation has ended is closed at once: nobody else will. */
  async #opened<T extends AsyncDisposable>(opening: Promise<T>): Promise<T> {
    const part = await opening;
    const { signal } = this.#options.incarnation;
    if (signal.aborted) await closeAll([part], this.#options.env);
    signal.throwIfAborted();
    return part;
  }

  /** From the moment a stop is asked for, whatever the task is doing then. */
  #limitStop(): void {
    const { env, shutdownTimeoutMs } = this.#options;
    this.#cancelStopLimit = env.timers.after(shutdownTimeoutMs, () => this.#fail(this.#stopTimedOut()));
  }

  #makeCoordinator(
    committer: ConstructorParameters<typeof Coordinator>[0]['committer'],
  ): Coordinator<unknown, unknown, unknown> {
    const { log, claim, source, sink, env, checkpoints, incarnation } = this.#options;
    return new Coordinator({
      log,
      claim: claim.stored,
      positions: source.positions,
      sink,
      committer,
      env,
      retain: checkpoints.retain,
      timeoutMs: checkpoints.timeout,
      signal: incarnation.signal,
      onFailed: (error) => this.#fail(error),
      onVisible: (splits) => this.#announce(splits),
    });
  }

  #makeCuts(): Cuts {
    const { env, checkpoints, incarnation } = this.#options;
    const { signal } = incarnation;
    return new Cuts({
      ...{ env, checkpoints, splits: this.#splits, writer: this.#writer, coordinator: this.#coordinator, signal },
      fail: (error) => this.#fail(error),
    });
  }

  async #read(): Promise<ShardOutcome['how']> {
    const { stop, incarnation } = this.#options;
    const until = AbortSignal.any([stop, incarnation.signal]);
    while (!until.aborted) {
      await this.#coordinator.roomForMore(until);
      const polled = await this.#poll(until);
      if (polled === 'end') return 'finished';
      if (polled !== 'idle') await this.#write(polled, until);
    }
    return 'stopped';
  }

  async #poll(until: AbortSignal): Promise<Frame | 'idle' | 'end'> {
    try {
      return await this.#reader.poll({ signal: until });
    } catch (error) {
      if (until.aborted) return 'idle'; // A poll that was called off has failed at nothing.
      // What an instance finds gone that was paused for long, its successor has read before it went: that is no loss.
      if (toSluiceError(error).kind === 'dataLoss') await this.#coordinator.proveOwner();
      throw error;
    }
  }

  async #ready(until: AbortSignal): Promise<void> {
    try {
      await this.#writer.ready({ signal: until });
    } catch (error) {
      if (!until.aborted) throw error; // A wait that was called off has failed at nothing.
    }
  }

  /** Offers the frame until all of it is taken; positions move with what the sink has taken, in the same breath. */
  async #write(frame: Frame, until: AbortSignal): Promise<void> {
    const { metrics } = this.#options.env;
    try {
      for (let taken = 0; ; ) {
        const before = taken;
        taken = this.#writer.write(frame, before);
        if (taken > before || taken === frame.count) this.#splits.advance(frame.positionsAfter(taken));
        metrics.add('records', taken - before);
        this.#cuts?.taken(taken - before);
        if (taken === frame.count) return;
        await this.#ready(until);
        if (until.aborted) return;
      }
    } finally {
      frame.release();
    }
  }

  /** An orderly end: the last cut, everything visible, a final slot; within the shutdown timeout once a stop was asked for. */
  async #finish(): Promise<void> {
    await this.#cuts?.now({ last: true });
    await this.#coordinator.finish();
    this.#cancelStopLimit?.();
    await this.#coordinator.tidyUp();
  }

  #startTimers(): void {
    const { source } = this.#options;
    this.#every(PROVE_OWNER_EVERY_MS, async () => {
      if ((this.#cuts?.quietMs ?? 0) >= PROVE_OWNER_EVERY_MS) await this.#coordinator.proveOwner();
    });
    if (!source.bounded && source.discoverIntervalMs !== undefined)
      this.#every(source.discoverIntervalMs, () => this.#discover());
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    const { env, incarnation } = this.#options;
    const again = () => {
      if (incarnation.signal.aborted) return;
      const cancel = env.timers.after(intervalMs, () => {
        this.#cancelTimers.splice(this.#cancelTimers.indexOf(cancel), 1);
        if (incarnation.signal.aborted || this.#options.stop.aborted) return;
        work().then(again, (error: unknown) => this.#fail(error));
      });
      this.#cancelTimers.push(cancel);
    };
    again();
  }

  /** A split found while running is read only after a slot holds where it begins. */
  async #discover(): Promise<void> {
    const { sourceSession: session, source, claim, env, incarnation, stop } = this.#options;
    const { clusterId } = claim.stored.slot.source;
    const { signal } = incarnation;
    const added = await findNewSplits({ source, session, splits: this.#splits, clusterId, env, signal });
    // Not begun once a stop is asked for: what is added here and not cut yet would be read by nobody.
    if (added.length === 0 || stop.aborted) return;
    for (const { position, ...split } of added) this.#splits.add(split, position);
    await this.#cuts?.settled();
    if (stop.aborted) return; // The last cut holds them.
    await this.#cuts?.now({ last: false });
    env.log.info('new partitions are read from now on', { splits: added.map((split) => split.id) });
    this.#reader.assign(added);
  }

  #announce(splits: readonly SlotSplit[]): void {
    const { positions } = this.#options.source;
    this.#reader?.announce?.(
      splits.map(({ id, position }) => ({ split: id, position: positions.decode(positions.version, position) })),
    );
  }

  async #dispose(): Promise<void> {
    const { env, incarnation } = this.#options;
    incarnation.abort();
    this.#cuts?.stop();
    this.#cancelStopLimit?.();
    for (const cancel of this.#cancelTimers) cancel();
    this.#coordinator?.stop();
    await closeAll([this.#reader, this.#writer, this.#session], env);
  }

  #stopTimedOut(): SluiceError {
    const cause = this.#coordinator?.blockedBy;
    const why = cause === undefined ? '' : `: ${cause.message}`;
    return new SluiceError('unavailable', 'SHUTDOWN_TIMEOUT', {
      message: `the final checkpoint was not done within ${this.#options.shutdownTimeoutMs} ms${why}`,
      help: 'Nothing is lost: the next start commits what is staged. Raise shutdownTimeout if this happens often.',
      cause,
    });
  }
}
