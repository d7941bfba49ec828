import {
  type Env,
  type Frame,
  type MemoryBudget,
  RecordFrame,
  SlabPool,
  type Split,
  type SplitId,
  type SplitPosition,
  type SplitReader,
} from '../../core/spi.ts';
import { DatagenBatch, recordBytesMax } from './batch.ts';
import { Pace } from './pace.ts';
import type { DatagenPosition } from './positions.ts';
import type { DatagenSettings } from './settings.ts';

const FRAME_BYTES_MAX = 1024 * 1024;
const FRAME_RECORDS_MAX = 10_000;
/** Enough records in a row for the sink to make use of, few enough that partitions take turns. */
const BATCH_RECORDS_MAX = 500;
const IDLE_AFTER_MS = 500;
const FREE_BUFFERS_MAX = 8;

interface Assigned {
  readonly split: Split;
  offsetNext: number;
  /** Exclusive. */
  readonly offsetEnd: number;
}

/** Generates records of the assigned partitions in turn. */
export class DatagenReader implements SplitReader<DatagenPosition> {
  readonly #settings: DatagenSettings;
  readonly #env: Env;
  readonly #memory: MemoryBudget;
  readonly #assigned = new Map<SplitId, Assigned>();
  readonly #slabs = new SlabPool();
  readonly #freeBuffers: Buffer[] = [];
  readonly #frameBytes: number;
  readonly #pace: Pace | undefined;

  constructor({ settings, env, memory }: { settings: DatagenSettings; env: Env; memory: MemoryBudget }) {
    this.#settings = settings;
    this.#env = env;
    this.#memory = memory;
    this.#frameBytes = Math.max(FRAME_BYTES_MAX, recordBytesMax(settings.valueBytes));
    const { rate } = settings;
    this.#pace = rate === undefined ? undefined : new Pace({ ratePerSecond: rate, nowMs: env.clock.monotonicMs() });
  }

  assign(splits: readonly (Split & { position: DatagenPosition })[]): void {
    for (const { position, ...split } of splits) {
      this.#assigned.set(split.id, {
        split,
        offsetNext: position.offset,
        offsetEnd: offsetEndOf(split.index, this.#settings),
      });
    }
  }

  revoke(splits: readonly SplitId[]): void {
    for (const id of splits) this.#assigned.delete(id);
  }

  async poll({ signal }: { signal: AbortSignal }): Promise<Frame | 'idle' | 'end'> {
    signal.throwIfAborted();
    if (this.#left() === 0) return this.#whenNothingIsLeft(signal);
    const due = await this.#waitUntilDue(signal);
    if (due === 0) return 'idle';

    const reservation = await this.#memory.reserve(this.#frameBytes, { signal });
    const buffer = this.#freeBuffers.pop() ?? Buffer.allocUnsafeSlow(this.#frameBytes);
    const batches = this.#generate(buffer, due);
    return new RecordFrame({
      batches,
      positionsAt: (index, taken) => positionsAt(batches, index, taken),
      slabs: this.#slabs,
      recycle: () => {
        if (this.#freeBuffers.length < FREE_BUFFERS_MAX) this.#freeBuffers.push(buffer);
        reservation.release();
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#assigned.clear();
    this.#freeBuffers.length = 0;
  }

  /** An unbounded reader without splits waits for some, like one without records. */
  async #whenNothingIsLeft(signal: AbortSignal): Promise<'idle' | 'end'> {
    if (this.#settings.count !== undefined) return 'end';
    await this.#env.timers.sleep(IDLE_AFTER_MS, { signal });
    signal.throwIfAborted();
    return 'idle';
  }

  async #waitUntilDue(signal: AbortSignal): Promise<number> {
    if (this.#pace === undefined) return FRAME_RECORDS_MAX;
    const due = this.#pace.due(this.#env.clock.monotonicMs());
    if (due > 0) return due;
    const waitMs = Math.min(IDLE_AFTER_MS, this.#pace.waitMs(this.#env.clock.monotonicMs()));
    await this.#env.timers.sleep(waitMs, { signal });
    signal.throwIfAborted();
    return this.#pace.due(this.#env.clock.monotonicMs());
  }

  #left(): number {
    let left = 0;
    for (const { offsetNext, offsetEnd } of this.#assigned.values()) left += Math.max(0, offsetEnd - offsetNext);
    return left;
  }

  #generate(buffer: Buffer, due: number): DatagenBatch[] {
    const { seed, topic, valueBytes } = this.#settings;
    const nowMs = this.#env.clock.nowMs();
    const bytesPerRecord = recordBytesMax(valueBytes);
    const batches: DatagenBatch[] = [];
    let left = Math.min(due, FRAME_RECORDS_MAX);
    let at = 0;
    const splits = [...this.#assigned.values()].filter(({ offsetNext, offsetEnd }) => offsetNext < offsetEnd);
    // With a rate, every partition gets its share of what is due.
    const share = Math.min(BATCH_RECORDS_MAX, Math.max(1, Math.ceil(left / splits.length)));
    for (const assigned of splits) {
      const room = Math.floor((buffer.length - at) / bytesPerRecord);
      const count = Math.min(left, share, room, assigned.offsetEnd - assigned.offsetNext);
      if (count === 0) break;
      const { id, index } = assigned.split;
      const stretch = { split: id, topic, partition: index, offset: assigned.offsetNext, count };
      const batch = new DatagenBatch(buffer, at, stretch, { seed, valueBytes, nowMs });
      batches.push(batch);
      at = batch.end;
      left -= count;
      assigned.offsetNext += count;
      this.#toTheBack(assigned);
    }
    this.#pace?.paid(batches.reduce((sum, batch) => sum + batch.count, 0));
    return batches;
  }

  /** Partitions that had to wait this time come first the next time. */
  #toTheBack(assigned: Assigned): void {
    this.#assigned.delete(assigned.split.id);
    this.#assigned.set(assigned.split.id, assigned);
  }
}

/** `count` is spread evenly; the first partitions get what is left over. */
function offsetEndOf(partition: number, { count, partitions }: { count?: number | undefined; partitions: number }) {
  if (count === undefined) return Number.MAX_SAFE_INTEGER;
  return Math.floor(count / partitions) + (partition < count % partitions ? 1 : 0);
}

/** Each split has one batch in a frame, so a position only depends on its own batch. */
function positionsAt(
  batches: readonly DatagenBatch[],
  batchIndex: number,
  takenInBatch: number,
): SplitPosition<DatagenPosition>[] {
  return batches.map((batch, index) => {
    const taken = index < batchIndex ? batch.count : index === batchIndex ? takenInBatch : 0;
    return { split: batch.split, position: { offset: batch.offsetAfter(taken) } };
  });
}
