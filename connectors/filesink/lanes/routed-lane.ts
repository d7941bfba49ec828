import { type DecodedRecords, type Frame, GrowingColumns, nullValue, type RecordBatch } from '../../../core/spi.ts';
import type { DirectoryOf, Place } from '../directories/renderer.ts';
import type { OpenPart } from '../open-part.ts';
import type { Lane, Parts } from './lane.ts';
import { RecordAt } from './record-at.ts';

/** How one record becomes bytes of a part. */
export interface RecordTaker<H> {
  /** Before the first record of a batch, whose values lie in `bytes`. */
  begin(bytes: Buffer): void;
  /** Puts the record into the part; true when chunks of the part are ready to be written. */
  take(part: OpenPart<H>, record: RecordAt): boolean;
}

export interface RoutedLaneOptions<H> {
  readonly parts: Parts<H>;
  readonly taker: RecordTaker<H>;
  readonly nulls: 'fail' | 'skip' | 'write';
  readonly directories: DirectoryOf;
}

/** Records one by one: each goes to a directory of its own choice, or has to be looked into. */
export class RoutedLane<H> implements Lane {
  readonly #options: RoutedLaneOptions<H>;
  readonly #columns = new GrowingColumns();
  readonly #record = new RecordAt();
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
    const { parts, taker, nulls, directories } = this.#options;
    const { group: topic, split, count } = this.#openBatch(frame);
    const record = this.#record;
    let place: Place | undefined;
    let part: OpenPart<H> | undefined;
    const first = this.#inBatch;
    let index = first;
    while (index < count) {
      record.moveTo(index);
      index++;
      if (record.valueStart < 0 && nulls !== 'write') {
        if (nulls === 'fail') throw nullValue({ split, offset: record.offset });
        continue;
      }
      const wanted = directories.placeFor(record);
      if (part === undefined || wanted !== place) {
        place = wanted;
        part = parts.partFor(topic, place);
      }
      const isReady = taker.take(part, record);
      part.records++;
      part.cover(split, record.offset, record.offset + 1);
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
      this.#record.begin(batch, this.#columns, this.#decoded);
      this.#options.taker.begin(this.#decoded.bytes);
    }
    return batch;
  }
}
