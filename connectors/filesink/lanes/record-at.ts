import type { DecodedRecords, RecordBatch, RecordColumns, RecordHeaders } from '../../../core/spi.ts';
import type { FormatRecord } from '../../formats/part-encoder.ts';
import type { DirectoryRecord } from '../directories/renderer.ts';

const NOTHING = Buffer.alloc(0);

/** One record of a batch after the other, as directories and formats see it: the same object for all of them. */
export class RecordAt implements FormatRecord, DirectoryRecord {
  topic = '';
  partition = 0;
  offset = 0;
  timestampMs = 0;
  bytes: Buffer = NOTHING;
  valueStart = -1;
  valueEnd = 0;
  #index = 0;
  #columns: RecordColumns | undefined;
  #decoded: DecodedRecords | undefined;

  /** Before the first record of a batch. */
  begin(batch: RecordBatch, columns: RecordColumns, decoded: DecodedRecords): void {
    this.topic = batch.group;
    this.partition = batch.index;
    this.bytes = decoded.bytes;
    this.#columns = columns;
    this.#decoded = decoded;
  }

  moveTo(index: number): void {
    const columns = this.#columns as RecordColumns;
    this.#index = index;
    this.offset = columns.offset[index] as number;
    this.timestampMs = columns.timestampMs[index] as number;
    this.valueStart = columns.start[index] as number;
    this.valueEnd = columns.end[index] as number;
  }

  get key(): Buffer | null {
    const { keyStart, keyEnd } = this.#columns as RecordColumns;
    const start = keyStart[this.#index] as number;
    return start < 0 ? null : this.bytes.subarray(start, keyEnd[this.#index]);
  }

  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  get headers(): RecordHeaders {
    return (this.#decoded as DecodedRecords).headersOf(this.#index);
  }
}
