/** A topic-partition (or what plays its role), for example `clicks/3`. */
export type SplitId = string;

/**
 * Where the values of one batch lie in its bytes: `start[i]` to `end[i]`, start -1 = null. One set is refilled for every batch.
 */
export interface ValueColumns {
  start: Int32Array;
  end: Int32Array;
}

/** The same for keys, and what else tells records apart. One set is refilled for every batch. */
export interface RecordColumns extends ValueColumns {
  keyStart: Int32Array;
  keyEnd: Int32Array;
  /** Milliseconds since 1970, exact up to 2^53. */
  timestampMs: Float64Array;
  offset: Float64Array;
  /** Where the batch finds its headers again. */
  headersStart: Int32Array;
  headersEnd: Int32Array;
}

export type RecordHeaders = readonly (readonly [name: string, value: Buffer | null])[];

/** What `decodeRecords` finds, valid until values of another batch of the frame are decoded. */
export interface DecodedRecords {
  readonly bytes: Buffer;
  /** In the order written, repeats included. Only while the columns still hold this batch. */
  headersOf(index: number): RecordHeaders;
}

/** Everything about one record. Buffers may be views, valid no longer than what they were decoded to. */
export interface RecordView {
  offset: number;
  timestampMs: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: RecordHeaders;
}

/** The visible records of one split in one stretch. May hold 0 records and still move the position (markers, gaps). */
export interface RecordBatch {
  readonly split: SplitId;
  /** What a file must not mix: the topic. */
  readonly group: string;
  /** The split's number within its group: the partition. */
  readonly index: number;
  /** Visible records: those below the position the frame was fetched from are not counted. */
  readonly count: number;
  /** The next offset to read after the first `taken` records of this batch; after all of them it lies behind markers and gaps too. */
  offsetAfter(taken: number): number;
  /** The offset of the first visible record; only when `count` is above 0. */
  readonly offsetFirst: number;
  /**
   * Finds the values of all visible records, decompressing if need be. With `inPlace` the bytes are the frame's own and lines
   * may be packed towards their front: every value has at least 7 bytes of its own record around it that nobody needs once it
   * has moved. Otherwise they are valid until values of another batch of the frame are decoded.
   * Throws `rejected` naming topic, partition and offset for bytes that are not what they claim.
   */
  decodeValues(into: ValueColumns): { bytes: Buffer; inPlace: boolean };
  /** The same for readers that need more than values. Not after values have been packed, and none may be packed afterwards. */
  decodeRecords(into: RecordColumns): DecodedRecords;
}

/**
 * One delivery of a source: whole batches in order, and the memory behind them.
 * Made with one reference, held by the task; every range in flight holds one more. The last `release` recycles the memory.
 */
export interface Frame {
  readonly batches: readonly RecordBatch[];
  /** Records over all batches. */
  readonly count: number;
  /** Memory of this frame for lines whose batch is not `inPlace`; at least `bytesMin` long. */
  slab(bytesMin: number): Buffer;
  retain(): void;
  release(): void;
  /** The position of every split of this frame, once its first `taken` records are taken. */
  positionsAfter(taken: number): readonly SplitPosition[];
}

export interface SplitPosition<P = unknown> {
  split: SplitId;
  position: P;
}
