import { Coordinator } from '../checkpoint/coordinator.ts';
import type { CheckpointLog } from '../checkpoint/log.ts';
import { checkContinuity } from '../checkpoint/protocol.ts';
import { type Claim, resolvePositions } from '../checkpoint/restore.ts';
import type { SlotSplit } from '../checkpoint/slot.ts';
import type { Frame } from '../contract/batch.ts';
import type { Env } from '../contract/env.ts';
import type { MemoryBudget } from '../contract/memory.ts';
import type { Owner, Sink, SinkSession, SinkWriter } from '../contract/sink.ts';
import type { Source, SourceSession, Split, SplitReader } from '../contract/source.ts';
import { SluiceError, toSluiceError } from '../errors.ts';
import { barrierDelayMs } from './barrier-schedule.ts';
import { SplitTable } from './split-table.ts';

/** How often an idle incarnation looks whether it was replaced. */
const PROVE_OWNER_EVERY_MS = 60_000;
/** Closing sockets and files is a courtesy; what does not close in time is left to the end of the process. */
const DISPOSE_TIMEOUT_MS = 5_000;

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
  #coordinator!: Coordinator<unknown, unknown>;
  #writer!: SinkWriter;
  #reader!: SplitReader;
  #cuts = 0;
  #recordsSinceCut = 0;
  #inFlight: Promise<void> | undefined;
  #lastCutAtMs: number | undefined;
  #lastDoneAtMs: number | undefined;
  #cancelBarrier: (() => void) | undefined;
  #cancelTimers: (() => void)[] = [];
  #madeCheckpoint = false;

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
    return this.#madeCheckpoint;
  }

  async run(): Promise<ShardOutcome> {
    try {
      return await Promise.race([this.#run(), this.#failed]);
    } finally {
      await this.#dispose();
    }
  }

  async #run(): Promise<ShardOutcome> {
    const { env, owner, sink, claim, memory, incarnation } = this.#options;
    const { signal } = incarnation;
    this.#session = await sink.open({ ...owner, env, epoch: claim.epoch, memory, signal });
    this.#coordinator = this.#makeCoordinator(this.#session.committer);
    await this.#coordinator.commitCarried();
    signal.throwIfAborted();
    this.#writer = await this.#session.openWriter([]);
    this.#reader = this.#options.sourceSession.openReader();
    this.#reader.assign(claim.assigned);
    this.#startTimers();

    const how = await this.#read();
    await this.#finish();
    return { how };
  }

  #makeCoordinator(
    committer: ConstructorParameters<typeof Coordinator>[0]['committer'],
  ): Coordinator<unknown, unknown> {
    const { log, claim, source, sink, env, checkpoints, incarnation } = this.#options;
    return new Coordinator({
      log,
      claim: claim.stored,
      positions: source.positions,
      handles: sink.handles,
      committer,
      env,
      retain: checkpoints.retain,
      timeoutMs: checkpoints.timeout,
      signal: incarnation.signal,
      onFailed: (error) => this.#fail(error),
      onVisible: (splits) => this.#announce(splits),
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
      throw error;
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
        this.#recordsSinceCut += taken - before;
        metrics.add('records', taken - before);
        this.#scheduleBarrier();
        if (taken === frame.count) return;
        await this.#writer.ready({ signal: until });
        if (until.aborted) return;
      }
    } finally {
      frame.release();
    }
  }

  #scheduleBarrier(): void {
    if (this.#cancelBarrier !== undefined || this.#inFlight !== undefined || !this.#splits.changed) return;
    const { env, checkpoints } = this.#options;
    const delayMs = barrierDelayMs({
      nowMs: env.clock.monotonicMs(),
      lastCutAtMs: this.#lastCutAtMs,
      lastDoneAtMs: this.#lastDoneAtMs,
      intervalMs: checkpoints.interval,
      minPauseMs: checkpoints.minPause,
    });
    this.#cancelBarrier = env.timers.after(delayMs, () => {
      this.#cancelBarrier = undefined;
      if (this.#inFlight === undefined && !this.#options.incarnation.signal.aborted) this.#cut({ last: false });
    });
  }

  /** Cuts now: positions and sink in one synchronous step. The stream goes on while the cut becomes durable. */
  #cut({ last }: { last: boolean }): Promise<void> {
    const { env, checkpoints } = this.#options;
    const startedMs = env.clock.monotonicMs();
    const splits = this.#splits.snapshot();
    const records = this.#recordsSinceCut;
    this.#recordsSinceCut = 0;
    this.#lastCutAtMs = startedMs;
    const cancelTimeout = env.timers.after(checkpoints.timeout, () => this.#fail(this.#cutTimedOut()));
    const durable = (async () => {
      const staged = await this.#writer.cut({ number: ++this.#cuts, last });
      const bytes = staged.handles.reduce((sum, handle) => sum + handle.bytes, 0);
      await this.#coordinator.checkpoint({ splits, staged, records, bytes });
      env.metrics.add('bytes', bytes);
    })();
    this.#inFlight = durable.then(
      () => {
        cancelTimeout();
        this.#inFlight = undefined;
        this.#madeCheckpoint = true;
        this.#lastDoneAtMs = env.clock.monotonicMs();
        env.metrics.set('checkpointMs', this.#lastDoneAtMs - startedMs);
        env.metrics.set('lastCheckpointAtMs', this.#lastDoneAtMs);
        this.#scheduleBarrier();
      },
      (error: unknown) => {
        cancelTimeout();
        this.#fail(error);
      },
    );
    return this.#inFlight;
  }

  async #cutNow({ last }: { last: boolean }): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
    this.#cancelBarrier?.();
    this.#cancelBarrier = undefined;
    await this.#cut({ last });
  }

  /** An orderly end: the last cut, everything visible, a final slot; all within the shutdown timeout once a stop was asked for. */
  async #finish(): Promise<void> {
    const { env, stop, shutdownTimeoutMs } = this.#options;
    const limit = () =>
      this.#cancelTimers.push(env.timers.after(shutdownTimeoutMs, () => this.#fail(this.#stopTimedOut())));
    if (stop.aborted) limit();
    else stop.addEventListener('abort', limit, { once: true, signal: this.#options.incarnation.signal });
    while (this.#inFlight !== undefined) await this.#inFlight;
    if (this.#splits.changed) await this.#cutNow({ last: true });
    await this.#coordinator.finish();
  }

  #startTimers(): void {
    const { env, source } = this.#options;
    this.#every(PROVE_OWNER_EVERY_MS, async () => {
      const quietMs = env.clock.monotonicMs() - (this.#lastDoneAtMs ?? 0);
      if (quietMs >= PROVE_OWNER_EVERY_MS) await this.#coordinator.proveOwner();
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
    const { sourceSession, source, claim, env, incarnation, stop } = this.#options;
    const { signal } = incarnation;
    const discovery = await this.#unlessAway(() => sourceSession.discover({ signal }));
    if (discovery === undefined) return;
    const { version } = source.positions;
    const known = this.#splits.current();
    const identities = new Map(discovery.splits.map((split) => [split.id, split.identity]));
    const seen = known.map((split) => ({ ...split, topicId: identities.get(split.id) ?? split.topicId }));
    const clusterId = claim.stored.slot.source.clusterId;
    checkContinuity({ clusterId, splits: known }, { clusterId: discovery.clusterId, splits: seen }, source.positions, {
      before: version,
      now: version,
    });

    const added = discovery.splits.filter((split) => !this.#splits.has(split.id));
    if (added.length === 0) return;
    const positions = new Map<string, unknown>();
    for (const split of added) {
      const parked = this.#splits.parkedPosition(split.id, version);
      if (parked !== undefined) positions.set(split.id, parked);
    }
    const unknown = added.filter((split) => !positions.has(split.id));
    const resolved = await this.#unlessAway(async () => {
      await resolvePositions(sourceSession, unknown, this.#splits.groups, positions, signal);
      return true;
    });
    if (resolved === undefined || stop.aborted) return;
    for (const split of added) this.#splits.add(split, positions.get(split.id));
    await this.#cutNow({ last: false });
    env.log.info('new partitions are read from now on', { splits: added.map((split) => split.id) });
    this.#reader.assign(added.map((split: Split) => ({ ...split, position: positions.get(split.id) })));
  }

  /** Looking for new splits can wait; it is not worth a restart when the source is away for a moment. */
  async #unlessAway<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof SluiceError) || error.kind !== 'unavailable') throw error;
      this.#options.env.log.warn('looking for new partitions has to wait', { cause: error.message });
      return undefined;
    }
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
    this.#cancelBarrier?.();
    for (const cancel of this.#cancelTimers) cancel();
    this.#coordinator?.stop();
    const parts = [this.#reader, this.#writer, this.#session];
    const closing = Promise.allSettled(parts.map((part) => part?.[Symbol.asyncDispose]()));
    const timeout = new AbortController();
    await Promise.race([closing, env.timers.sleep(DISPOSE_TIMEOUT_MS, { signal: timeout.signal })]);
    timeout.abort();
  }

  #cutTimedOut(): SluiceError {
    const { timeout } = this.#options.checkpoints;
    return new SluiceError('unavailable', 'CHECKPOINT_TIMEOUT', {
      message: `a checkpoint was not durable within ${timeout} ms`,
      help: 'Look at the disk or store behind the sink and the checkpoints, or raise checkpoints.timeout.',
    });
  }

  #stopTimedOut(): SluiceError {
    return new SluiceError('unavailable', 'SHUTDOWN_TIMEOUT', {
      message: `the final checkpoint was not done within ${this.#options.shutdownTimeoutMs} ms`,
      help: 'Nothing is lost: the next start commits what is staged. Raise shutdownTimeout if this happens often.',
    });
  }
}
