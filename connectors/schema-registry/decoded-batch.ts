import type {
  DecodedRecords,
  RecordBatch,
  RecordColumns,
  RecordHeaders,
  SplitId,
  ValueColumns,
} from '../../core/spi.ts';
import type { PieceColumns } from './piece-memory.ts';

export interface DecodedBatchParts {
  /** What it is a stretch of: from record `from` on. */
  readonly batch: RecordBatch;
  readonly from: number;
  readonly count: number;
  /** Where its records begin in the columns, which say where they lie in `bytes`. */
  readonly at: number;
  readonly columns: PieceColumns;
  readonly bytes: Buffer;
  /** Of a record of the whole batch. */
  headersOf(index: number): RecordHeaders;
}

/** A stretch of a batch with JSON texts as its values. */
export class DecodedBatch implements RecordBatch {
  readonly split: SplitId;
  readonly group: string;
  readonly index: number;
  readonly count: number;
  readonly offsetFirst: number;
  readonly #parts: DecodedBatchParts;

  constructor(parts: DecodedBatchParts) {
    const { batch, count, columns, at } = parts;
    this.split = batch.split;
    this.group = batch.group;
    this.index = batch.index;
    this.count = count;
    this.offsetFirst = columns.offset[at] as number;
    this.#parts = parts;
  }

  offsetAfter(taken: number): number {
    const { batch, from } = this.#parts;
    return batch.offsetAfter(from + taken);
  }

  decodeValues(into: ValueColumns): { bytes: Buffer; inPlace: boolean } {
    const { columns, bytes } = this.#parts;
    into.start.set(this.#own(columns.start));
    into.end.set(this.#own(columns.end));
    return { bytes, inPlace: true };
  }

  decodeRecords(into: RecordColumns): DecodedRecords {
    const { columns, bytes, from, headersOf } = this.#parts;
    this.decodeValues(into);
    into.keyStart.set(this.#own(columns.keyStart));
    into.keyEnd.set(this.#own(columns.keyEnd));
    into.timestampMs.set(this.#own(columns.timestampMs));
    into.offset.set(this.#own(columns.offset));
    return { bytes, headersOf: (index) => headersOf(from + index) };
  }

  #own<T extends Int32Array | Float64Array>(column: T): T {
    const { at, count } = this.#parts;
    return column.subarray(at, at + count) as T;
  }
}
