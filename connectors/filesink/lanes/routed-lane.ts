import {
  type DecodedRecords,
  type Frame,
  GrowingColumns,
  nullValue,
  type RecordBatch,
  type RecordColumns,
} from '../../../core/spi.ts';
import type { OpenPart } from '../open-part.ts';
import type { Lane, Parts } from './lane.ts';

/** How one record becomes bytes of a part. */
export interface RecordTaker<H> {
  /** Before the first record of a batch. */
  begin(batch: RecordBatch, columns: RecordColumns, decoded: DecodedRecords): void;
  /** Puts record `index` of the batch into the part; true when chunks of the part are ready to be written. */
  take(part: OpenPart<H>, index: number): boolean;
}

export interface RoutedLaneOptions<H> {
  readonly parts: Parts<H>;
  readonly taker: RecordTaker<H>;
  readonly nulls: 'fail' | 'skip' | 'write';
  /** Where record `index` goes. Equal directories should be the same string. */
  directoryOf(batch: RecordBatch, columns: RecordColumns, decoded: DecodedRecords, index: number): string;
}

/** Records one by one: each goes to a directory of its own choice, or has to be looked into. */
export class RoutedLane<H> implements Lane {
  readonly #options: RoutedLaneOptions<H>;
  readonly #columns = new GrowingColumns();
  #frame: Frame | undefined;
  #batchIndex = 0;
  #inBatch = 0;
  #decoded: DecodedRecords | undefined;

  constructor(options: RoutedLaneOptions<H>) {
    this.#options = options;
  }

  write(frame: Frame, from: number): number {
    const { parts } = this.#options;
    if (frame !== this.#frame) this.#begin(frame);
    let taken = from;
    while (taken < frame.count && !parts.isFull) taken += this.#takeOfBatch(frame);
    if (taken === frame.count) this.#frame = undefined;
    return taken;
  }

  #begin(frame: Frame): void {
    this.#frame = frame;
    this.#batchIndex = 0;
    this.#inBatch = 0;
    this.#decoded = undefined;
  }

  /** Takes records of the batch in hand, until its end or until too much is on its way; returns how many. */
  #takeOfBatch(frame: Frame): number {
    const { parts, taker, nulls, directoryOf } = this.#options;
    const batch = this.#openBatch(frame);
    const columns = this.#columns;
    const decoded = this.#decoded as DecodedRecords;
    const { group: topic, split, count } = batch;
    let directory: string | undefined;
    let part: OpenPart<H> | undefined;
    const first = this.#inBatch;
    let index = first;
    while (index < count) {
      if ((columns.start[index] as number) < 0 && nulls !== 'write') {
        if (nulls === 'fail') throw nullValue({ split, offset: columns.offset[index] as number });
        index++;
        continue;
      }
      const wanted = directoryOf(batch, columns, decoded, index);
      if (part === undefined || wanted !== directory) {
        directory = wanted;
        part = parts.partFor(topic, directory);
      }
      const isReady = taker.take(part, index);
      const offset = columns.offset[index] as number;
      part.records++;
      part.cover(split, offset, offset + 1);
      index++;
      if (isReady) part.flush({ all: false });
      if (parts.rollIfFull(part)) part = undefined;
      if (isReady && parts.isFull) break;
    }
    this.#inBatch = index;
    return index - first;
  }

  #openBatch(frame: Frame): RecordBatch {
    let batch = frame.batches[this.#batchIndex] as RecordBatch;
    while (this.#inBatch === batch.count) {
      batch = frame.batches[++this.#batchIndex] as RecordBatch;
      this.#inBatch = 0;
      this.#decoded = undefined;
    }
    if (this.#decoded === undefined) {
      this.#columns.makeRoom(batch.count);
      this.#decoded = batch.decodeRecords(this.#columns);
      this.#options.taker.begin(batch, this.#columns, this.#decoded);
    }
    return batch;
  }
}
