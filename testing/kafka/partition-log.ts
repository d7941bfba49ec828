import { encodeBatch, encodeMarker } from './batch-encoder.ts';

export interface StoredBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestampMs: number;
  /** Of its records, where they are known; otherwise the whole batch stands for them. */
  readonly times: readonly RecordTime[] | undefined;
}

export interface RecordTime {
  readonly offset: number;
  readonly timestampMs: number;
}

/** One entry of the index of aborted transactions. */
export interface AbortedEntry {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Of its marker. */
  readonly lastOffset: number;
  /** When it was written: nothing that is aborted later begins below. */
  readonly lastStableOffset: number;
}

/** Bytes of a log as a fetch finds them. */
export interface LogSlice {
  /** Whole batches, the last one perhaps cut. */
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  /** Behind the last batch that is there, even if cut. */
  readonly endOffset: number;
}

interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

const TRANSACTIONAL = 16;
const CONTROL = 32;
/** Where `encodeMarker` writes what kind of marker it is. */
const MARKER_TYPE_AT = 61 + 5 + 2;
const NO_LEADER = -1;

/** The log of one partition, with what its leader knows about it: epochs, transactions, and who leads. */
export class PartitionLog {
  readonly #batches: StoredBatch[] = [];
  /** Where each leader epoch begins, epochs and offsets both rising. */
  readonly #epochs: EpochStart[] = [{ epoch: 0, startOffset: 0 }];
  /** First offsets of open transactions by producer, in the order of the log. */
  readonly #ongoing = new Map<number, number>();
  readonly #aborted: AbortedEntry[] = [];
  #leader: number;
  #leaderEpoch = 0;
  #logStartOffset = 0;
  #endOffset = 0;
  /** Offsets removed by compaction before the next batch. */
  #gap = 0;

  constructor(leader: number) {
    this.#leader = leader;
  }

  /** -1 = none now. */
  get leader(): number {
    return this.#leader;
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch;
  }

  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  /** Behind the last batch, which is the high watermark too. */
  get endOffset(): number {
    return this.#endOffset;
  }

  /** Where the next batch begins. */
  get nextOffset(): number {
    return this.#endOffset + this.#gap;
  }

  /** Nothing below belongs to an open transaction. */
  get lastStableOffset(): number {
    const [firstUnstable] = this.#ongoing.values();
    return Math.max(this.#logStartOffset, firstUnstable ?? this.#endOffset);
  }

  get batches(): readonly StoredBatch[] {
    return this.#batches;
  }

  /** Producers with an open transaction here. */
  get ongoing(): readonly number[] {
    return [...this.#ongoing.keys()];
  }

  /** Appends a batch that was made for this log, at `nextOffset` or behind it. */
  append(bytes: Buffer, times?: readonly RecordTime[]): StoredBatch {
    const baseOffset = Number(bytes.readBigInt64BE(0));
    if (baseOffset < this.#endOffset) throw new Error(`offset ${baseOffset} is behind the end ${this.#endOffset}`);
    const batch: StoredBatch = {
      bytes,
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(23),
      leaderEpoch: bytes.readInt32BE(12),
      maxTimestampMs: Number(bytes.readBigInt64BE(35)),
      times,
    };
    this.#batches.push(batch);
    this.#endOffset = batch.lastOffset + 1;
    this.#gap = 0;
    this.#account(batch);
    return batch;
  }

  /** Ends the open transaction of a producer here. */
  mark(kind: 'commit' | 'abort', producerId: number): void {
    // A time of its own would make the times of the log jump.
    const timestampMs = this.#batches.at(-1)?.maxTimestampMs;
    const shape = { baseOffset: this.nextOffset, leaderEpoch: this.#leaderEpoch, producerId };
    this.append(encodeMarker(kind, { ...shape, ...(timestampMs === undefined ? {} : { timestampMs }) }));
  }

  /** As compaction leaves it: offsets without records, with the header of their batch or, before the next batch, without. */
  leaveGap(count: number, { asEmptyBatch }: { asEmptyBatch: boolean }): void {
    if (!asEmptyBatch) this.#gap += count;
    else {
      const shape = { baseOffset: this.nextOffset, leaderEpoch: this.#leaderEpoch, lastOffsetDelta: count - 1 };
      this.append(encodeBatch([], shape), []);
    }
  }

  /** A new leader epoch begins at the end of the log, with `nodeId` as leader or none. */
  elect(nodeId: number): void {
    this.#leader = nodeId;
    this.#leaderEpoch++;
    if (nodeId === NO_LEADER) return;
    // An epoch in which nothing was written leaves no trace.
    while ((this.#epochs.at(-1)?.startOffset ?? -1) >= this.#endOffset) this.#epochs.pop();
    this.#epochs.push({ epoch: this.#leaderEpoch, startOffset: this.#endOffset });
  }

  /** Retention and DeleteRecords: what lies below cannot be fetched any more. Batches are kept while a part of them can. */
  deleteBefore(wanted: number): void {
    const offset = Math.min(wanted, this.#endOffset);
    if (offset <= this.#logStartOffset) return;
    this.#logStartOffset = offset;
    this.#batches.splice(0, this.#indexOf(offset));
    this.#aborted.splice(
      0,
      firstIndex(this.#aborted, ({ lastOffset }) => lastOffset >= offset),
    );
    const holding = this.#epochs.findLastIndex(({ startOffset }) => startOffset <= offset);
    this.#epochs.splice(0, holding);
    this.#epochs[0] = { epoch: this.earliestEpoch, startOffset: offset };
  }

  /** Loses everything from the batch with `offset` on, as a follower does whose leader never had it. */
  truncate(offset: number): void {
    const from = this.#indexOf(offset);
    if (from === this.#batches.length) return;
    this.#batches.length = from;
    this.#endOffset = Math.max(this.#logStartOffset, (this.#batches.at(-1)?.lastOffset ?? -1) + 1);
    this.#gap = 0;
    while (this.#epochs.length > 1 && (this.#epochs.at(-1)?.startOffset ?? 0) >= this.#endOffset) this.#epochs.pop();
    // A transaction is open again when its marker is gone.
    this.#ongoing.clear();
    this.#aborted.length = 0;
    for (const batch of this.#batches) this.#account(batch);
  }

  /**
   * What a fetch at `offset` gets of everything below `limit`. With `atLeastOne` the first batch comes whole, however large
   * it is; otherwise nothing comes when it does not fit.
   */
  read(
    offset: number,
    { limit, bytesMax, atLeastOne }: { limit: number; bytesMax: number; atLeastOne: boolean },
  ): LogSlice {
    const pieces: Buffer[] = [];
    let left = bytesMax;
    let endOffset = offset;
    for (let index = this.#indexOf(offset); index < this.#batches.length; index++) {
      const { bytes, baseOffset, lastOffset } = this.#batches[index] as StoredBatch;
      if (baseOffset >= limit || left <= 0) break;
      const first = pieces.length === 0;
      if (first && bytes.length > left && !atLeastOne) break;
      const size = first ? bytes.length : Math.min(left, bytes.length);
      pieces.push(size === bytes.length ? bytes : bytes.subarray(0, size));
      left -= size;
      endOffset = lastOffset + 1;
    }
    return { pieces, bytes: pieces.reduce((sum, { length }) => sum + length, 0), endOffset };
  }

  /** Aborted transactions that overlap `offset` up to, not including, `endOffset`. */
  abortedIn(offset: number, endOffset: number): AbortedEntry[] {
    const found: AbortedEntry[] = [];
    const first = firstIndex(this.#aborted, ({ lastOffset }) => lastOffset >= offset);
    for (let index = first; index < this.#aborted.length; index++) {
      const entry = this.#aborted[index] as AbortedEntry;
      if (entry.firstOffset < endOffset) found.push(entry);
      if (entry.lastStableOffset >= endOffset) break;
    }
    return found;
  }

  /** The largest epoch not above the one asked for and where it ends (KIP-320); -1 and -1 when that cannot be told. */
  epochEnd(epoch: number): { leaderEpoch: number; endOffset: number } {
    const last = this.#epochs.at(-1) as EpochStart;
    if (epoch < 0 || epoch > last.epoch) return { leaderEpoch: -1, endOffset: -1 };
    if (epoch === last.epoch) return { leaderEpoch: epoch, endOffset: this.#endOffset };
    const next = this.#epochs.findIndex((entry) => entry.epoch > epoch);
    const { startOffset } = this.#epochs[next] as EpochStart;
    return { leaderEpoch: this.#epochs[next - 1]?.epoch ?? epoch, endOffset: startOffset };
  }

  /** The epoch in which the oldest offset was written. */
  get earliestEpoch(): number {
    return (this.#epochs[0] as EpochStart).epoch;
  }

  /** The first record at or after a time, with the epoch it was written in. */
  recordAt(timestampMs: number): (RecordTime & { leaderEpoch: number }) | undefined {
    for (const { maxTimestampMs, times, baseOffset, leaderEpoch } of this.#batches) {
      if (maxTimestampMs < timestampMs) continue;
      const records = times ?? [{ offset: baseOffset, timestampMs: maxTimestampMs }];
      const found = records.find((one) => one.timestampMs >= timestampMs && one.offset >= this.#logStartOffset);
      if (found !== undefined) return { ...found, leaderEpoch };
    }
    return undefined;
  }

  #account({ bytes, baseOffset, lastOffset }: StoredBatch): void {
    const attributes = bytes.readInt16BE(21);
    const producerId = Number(bytes.readBigInt64BE(43));
    if ((attributes & TRANSACTIONAL) === 0) return;
    const firstOffset = this.#ongoing.get(producerId);
    if ((attributes & CONTROL) === 0) {
      if (firstOffset === undefined) this.#ongoing.set(producerId, baseOffset);
      return;
    }
    this.#ongoing.delete(producerId);
    const aborts = bytes.readInt16BE(MARKER_TYPE_AT) === 0;
    if (!aborts || firstOffset === undefined) return;
    const [firstUnstable] = this.#ongoing.values();
    this.#aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset: firstUnstable ?? lastOffset + 1 });
  }

  /** Of the first batch that ends at or behind `offset`. */
  #indexOf(offset: number): number {
    return firstIndex(this.#batches, ({ lastOffset }) => lastOffset >= offset);
  }
}

/** Of the first item that holds, when all behind it hold too. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
