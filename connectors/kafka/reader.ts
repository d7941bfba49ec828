import {
  assert,
  type Env,
  type Frame,
  type MemoryBudget,
  SlabPool,
  type SluiceError,
  type Split,
  type SplitId,
  type SplitPosition,
  type SplitReader,
  toSluiceError,
} from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { isPassing, KafkaCode, refusedByBroker } from './errors.ts';
import { type Delivery, FetchLane, type LaneHost } from './fetch-lane.ts';
import { buildFrame } from './frame.ts';
import { FramePool } from './frame-pool.ts';
import { LeaderSearch } from './leader-search.ts';
import type { KafkaPosition } from './positions.ts';
import type { OffsetPublisher } from './publish.ts';
import { placeAgain, ReadSplit } from './read-split.ts';
import { RequestSize } from './request-size.ts';
import type { KafkaSourceSettings } from './settings.ts';
import { Wakeup } from './wakeup.ts';

/** How long a poll waits for records before it says that there are none. */
const IDLE_AFTER_MS = 500;
const LAG_EVERY_MS = 1_000;
/** The same trouble is reported once in so long. */
const WARN_EVERY_MS = 10_000;

export interface ReaderOptions {
  env: Env;
  cluster: Cluster;
  memory: MemoryBudget;
  settings: KafkaSourceSettings;
  publisher: OffsetPublisher | undefined;
  /** Ends the reader, as dispose does. */
  signal: AbortSignal;
}

/** Reads the assigned partitions, each from its leader; what is fetched ahead is bounded by the memory budget. */
export class KafkaReader implements SplitReader<KafkaPosition>, LaneHost {
  readonly env: Env;
  readonly cluster: Cluster;
  readonly memory: MemoryBudget;
  readonly signal: AbortSignal;
  readonly maxWaitMs: number;
  readonly maxPartitionBytes: number;
  readonly readCommitted: boolean;
  readonly #settings: KafkaSourceSettings;
  readonly #publisher: OffsetPublisher | undefined;
  readonly #stop = new AbortController();
  readonly #splits = new Map<SplitId, ReadSplit>();
  readonly #lanes = new Map<number, FetchLane>();
  readonly #ready: Delivery[] = [];
  readonly #slabs = new SlabPool();
  readonly #scratchPool = new FramePool();
  readonly #requestSize: RequestSize;
  /** Wakes a waiting poll. */
  readonly #news = new Wakeup();
  readonly #search: LeaderSearch;
  readonly #warnedAtMs = new Map<string, number>();
  #broken: SluiceError | undefined;
  #lagAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReaderOptions) {
    const { env, cluster, memory, settings, publisher, signal } = options;
    this.env = env;
    this.cluster = cluster;
    this.memory = memory;
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
    this.maxWaitMs = settings.fetch.maxWait;
    this.maxPartitionBytes = settings.fetch.maxPartitionBytes;
    this.readCommitted = settings.isolation === 'read_committed';
    this.#settings = settings;
    this.#requestSize = new RequestSize({ bytesMax: settings.fetch.maxBytes, budgetBytes: memory.limitBytes });
    this.#publisher = publisher;
    this.#search = new LeaderSearch({
      env,
      cluster,
      settings,
      signal: this.signal,
      splits: () => this.#splits.values(),
      onFound: (split, nodeId) => {
        if (this.isCurrent(split)) this.#lane(nodeId).wake();
      },
      onNews: () => this.#news.notify(),
      onTrouble: (about, message, error) => this.#warn(about, message, error),
    });
    this.#watch(this.#search.run());
  }

  assign(splits: readonly (Split & { position: KafkaPosition })[]): void {
    const nowMs = this.env.clock.monotonicMs();
    for (const { position, ...split } of splits) this.#splits.set(split.id, new ReadSplit(split, position, nowMs));
    this.#search.wake();
  }

  revoke(splits: readonly SplitId[]): void {
    for (const id of splits) this.#splits.delete(id);
    this.#news.notify();
  }

  async poll({ signal }: { signal: AbortSignal }): Promise<Frame | 'idle' | 'end'> {
    const { clock, timers } = this.env;
    const idleAtMs = clock.monotonicMs() + IDLE_AFTER_MS;
    const wake = () => this.#news.notify();
    let cancel: (() => void) | undefined;
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        if (this.#broken !== undefined) throw this.#broken;
        const frame = this.#nextFrame();
        this.#measureLag(frame === undefined ? 0 : LAG_EVERY_MS);
        if (frame !== undefined) return frame;
        if (this.#settings.stop !== undefined && this.#allEnded()) return 'end';
        if (signal.aborted || clock.monotonicMs() >= idleAtMs) return 'idle';
        cancel ??= timers.after(IDLE_AFTER_MS, wake);
        await this.#news.wait();
      }
    } finally {
      cancel?.();
      signal.removeEventListener('abort', wake);
    }
  }

  announce(positions: readonly SplitPosition<KafkaPosition>[]): void {
    this.#publisher?.announce(positions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher?.close();
    this.#stop.abort();
    this.#news.notify();
    for (const delivery of this.#ready.splice(0)) delivery.recycle();
  }

  // What the lanes ask for.

  requestBytes(): number {
    return this.#requestSize.bytes(this.#lanes.size);
  }

  splitsOf(nodeId: number): ReadSplit[] {
    const splits: ReadSplit[] = [];
    for (const one of this.#splits.values()) {
      if (one.state.kind === 'fetching' && one.state.nodeId === nodeId) splits.push(one);
    }
    return splits;
  }

  isCurrent(split: ReadSplit): boolean {
    return this.#splits.get(split.split.id) === split;
  }

  deliver(delivery: Delivery): void {
    if (this.signal.aborted) delivery.recycle();
    else this.#ready.push(delivery);
  }

  answered(): void {
    this.#news.notify();
  }

  refused(split: ReadSplit, errorCode: number): void {
    if (errorCode === KafkaCode.OFFSET_OUT_OF_RANGE) {
      placeAgain([split], this.env);
      split.outOfRange = true;
    } else if (isPassing(errorCode)) {
      placeAgain([split], this.env);
    } else {
      const resource = `topic ${split.split.group} (partition ${split.split.id})`;
      split.fail(split.position.offset, refusedByBroker(errorCode, { operation: 'Read', resource }));
    }
    this.#search.wake();
  }

  broken(nodeId: number, splits: readonly ReadSplit[], error: SluiceError): void {
    if (error.kind !== 'unavailable') {
      this.#fail(error);
      return;
    }
    this.#warn(
      `broker ${nodeId}`,
      `Kafka: fetching from broker ${nodeId} failed, trying again: ${error.message}`,
      error,
    );
    placeAgain(splits, this.env);
    this.#search.wake();
  }

  // Handing out.

  /** The next frame that moves a position. Throws the error of a split once everything before it is handed out. */
  #nextFrame(): Frame | undefined {
    for (;;) {
      for (const { state, delivered } of this.#splits.values()) {
        if (state.kind === 'failed' && delivered.offset >= state.offset) throw state.error;
      }
      const delivery = this.#ready.shift();
      if (delivery === undefined) return undefined;
      delivery.lane.taken();
      // Without what was revoked meanwhile.
      const partitions = delivery.partitions.filter(({ readSplit }) => this.isCurrent(readSplit));
      for (const { readSplit, from } of partitions) {
        assert(readSplit.continuesAt(from.offset), 'a split is delivered without a gap');
      }
      const frame = buildFrame({
        bytes: delivery.bytes,
        partitions,
        readCommitted: this.readCommitted,
        decompressedBytesMax: this.#settings.maxDecompressedBytes,
        slabs: this.#slabs,
        scratchPool: this.#scratchPool,
        recycle: (inflation) => {
          this.#requestSize.learn(delivery.receivedBytes, inflation);
          delivery.recycle();
        },
      });
      if (frame === undefined) {
        delivery.recycle();
        continue;
      }
      for (const { split, position } of frame.positionsAfter(frame.count)) {
        (this.#splits.get(split) as ReadSplit).delivered = position as KafkaPosition;
      }
      return frame;
    }
  }

  #allEnded(): boolean {
    for (const split of this.#splits.values()) if (!split.ended) return false;
    return true;
  }

  #measureLag(everyMs: number): void {
    const nowMs = this.env.clock.monotonicMs();
    if (nowMs - this.#lagAtMs < everyMs) return;
    this.#lagAtMs = nowMs;
    let lag = 0;
    for (const { endOffset, delivered } of this.#splits.values())
      lag += Math.max(0, (endOffset ?? 0) - delivered.offset);
    this.env.metrics.set('lag', lag);
  }

  #lane(nodeId: number): FetchLane {
    let lane = this.#lanes.get(nodeId);
    if (lane === undefined) {
      lane = new FetchLane(nodeId, this);
      this.#lanes.set(nodeId, lane);
      this.#watch(lane.run());
    }
    return lane;
  }

  // Trouble.

  /** A loop that ends by an error ends the reader: nothing may look healthy and stand still. */
  #watch(loop: Promise<void>): void {
    loop.catch((error) => this.#fail(toSluiceError(error)));
  }

  #fail(error: SluiceError): void {
    this.#broken ??= error;
    this.#news.notify();
  }

  #warn(about: string, message: string, error?: SluiceError): void {
    const nowMs = this.env.clock.monotonicMs();
    if (nowMs - (this.#warnedAtMs.get(about) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    this.#warnedAtMs.set(about, nowMs);
    this.env.log.warn(message, { ...error?.details, help: error?.help });
  }
}
