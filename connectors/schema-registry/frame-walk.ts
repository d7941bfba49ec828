import {
  type DecodedRecords,
  type Frame,
  GrowingColumns,
  type RecordBatch,
  type RecordColumns,
  type SplitId,
  type SplitPosition,
} from '../../core/spi.ts';

/** The records of a batch as its source gives them, valid until those of another one are asked for. */
export interface EncodedRecords {
  readonly batch: RecordBatch;
  readonly columns: RecordColumns;
  readonly records: DecodedRecords;
}

/** The way through the records of one frame, which may stop after any of them. Holds a reference of the frame. */
export class FrameWalk {
  readonly frame: Frame;
  /** Records of the frame that lie behind, left out ones included. */
  taken = 0;
  readonly #leftOut = new Set<SplitId>();
  readonly #columns = new GrowingColumns();
  #batchIndex = 0;
  #inBatch = 0;
  #opened: EncodedRecords | undefined;

  constructor(frame: Frame) {
    this.frame = frame;
  }

  /** The batch with the next record, and which of its records that is; undefined behind the last one. */
  next(): { readonly batch: RecordBatch; readonly index: number } | undefined {
    for (;;) {
      const batch = this.frame.batches[this.#batchIndex];
      if (batch === undefined) return undefined;
      if (this.#leftOut.has(batch.split)) this.pass(batch.count - this.#inBatch);
      if (this.#inBatch < batch.count) return { batch, index: this.#inBatch };
      this.#batchIndex++;
      this.#inBatch = 0;
    }
  }

  /** `records` of the batch in hand lie behind now. */
  pass(records: number): void {
    this.#inBatch += records;
    this.taken += records;
  }

  /** No record of these comes any more. */
  leaveOut(splits: readonly SplitId[]): void {
    for (const split of splits) this.#leftOut.add(split);
  }

  /** The records of a batch, decoded again if another one was in between. */
  open(batch: RecordBatch): EncodedRecords {
    if (this.#opened?.batch === batch) return this.#opened;
    // What the columns held is void from here on, whether this works or not.
    this.#opened = undefined;
    this.#columns.makeRoom(batch.count);
    const records = batch.decodeRecords(this.#columns);
    this.#opened = { batch, columns: this.#columns, records };
    return this.#opened;
  }

  positionsAfter(taken: number): readonly SplitPosition[] {
    return this.frame.positionsAfter(taken).filter(({ split }) => !this.#leftOut.has(split));
  }
}
