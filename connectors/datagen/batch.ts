import type { DecodedRecords, RecordBatch, RecordColumns, SplitId, ValueColumns } from '../../core/spi.ts';
import { valueBytesMax, writeValue } from './value.ts';

/**
 * Bytes around each value, as in a Kafka record: lines are packed towards the front in place, which needs at least 7 per
 * record, 6 of them in front.
 */
const BEFORE_VALUE = 6;
const AFTER_VALUE = 1;

export interface Stretch {
  readonly split: SplitId;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly count: number;
}

/** The memory that one record may need. */
export function recordBytesMax(valueBytes: number): number {
  return BEFORE_VALUE + valueBytesMax(valueBytes) + AFTER_VALUE;
}

/** Generated records of one partition, lying one after the other in the memory of their frame. */
export class DatagenBatch implements RecordBatch {
  readonly split: SplitId;
  readonly group: string;
  readonly index: number;
  readonly count: number;
  readonly offsetFirst: number;
  /** Where the next batch may begin. */
  readonly end: number;
  readonly #bytes: Buffer;
  readonly #values: ValueColumns;
  readonly #timestampMs: number;

  constructor(
    into: Buffer,
    at: number,
    stretch: Stretch,
    options: { seed: number; valueBytes: number; nowMs: number },
  ) {
    this.split = stretch.split;
    this.group = stretch.topic;
    this.index = stretch.partition;
    this.count = stretch.count;
    this.offsetFirst = stretch.offset;
    this.#bytes = into;
    this.#timestampMs = options.nowMs;
    this.#values = { start: new Int32Array(stretch.count), end: new Int32Array(stretch.count) };
    let end = at;
    for (let index = 0; index < stretch.count; index++) {
      const start = end + BEFORE_VALUE;
      const key = { seed: options.seed, partition: stretch.partition, sequence: stretch.offset + index };
      const valueEnd = writeValue(into, start, options.valueBytes, key);
      this.#values.start[index] = start;
      this.#values.end[index] = valueEnd;
      end = valueEnd + AFTER_VALUE;
    }
    this.end = end;
  }

  offsetAfter(taken: number): number {
    return this.offsetFirst + taken;
  }

  decodeValues(into: ValueColumns): { bytes: Buffer; inPlace: boolean } {
    into.start.set(this.#values.start);
    into.end.set(this.#values.end);
    return { bytes: this.#bytes, inPlace: true };
  }

  decodeRecords(into: RecordColumns): DecodedRecords {
    this.decodeValues(into);
    into.keyStart.fill(-1, 0, this.count);
    into.timestampMs.fill(this.#timestampMs, 0, this.count);
    for (let index = 0; index < this.count; index++) into.offset[index] = this.offsetFirst + index;
    return { bytes: this.#bytes, headersOf: () => [] };
  }
}
