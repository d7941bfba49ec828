import { assert } from '../assert.ts';
import type { Frame, RecordBatch, SplitId, ValueColumns } from '../contract/batch.ts';
import { SluiceError } from '../errors.ts';
import { NEWLINE, NULL_LINE, nullValue, rewriteNewlines } from './line-values.ts';

/** A record spends at least this many bytes before its value: length, attributes, timestamp, offset, key and value lengths. */
const PREFIX_BYTES_MIN = 6;

export interface LineFormat {
  /** The byte after every value. */
  delimiter: number;
  /**
   * `rewrite`: a newline inside a JSON value is whitespace and becomes a space, inside anything else it is `rejected`.
   * `pass`: values are written as they are.
   */
  newlines: 'rewrite' | 'pass';
  /** Null values (tombstones): `write` gives `null` when newlines are rewritten (JSON), else an empty line. */
  nulls: 'fail' | 'skip' | 'write';
}

/** A range ends with the record that reaches one of these. */
export interface LineLimits {
  bytesMax: number;
  recordsMax: number;
}

/** Lines for one target in one stretch of memory, ready to be written. Valid until the frame is released for the last time. */
export interface LineRange<T> {
  target: T;
  bytes: Buffer;
  /** Lines in `bytes`; records skipped by the `nulls` policy are not among them. */
  records: number;
  /** The index over the frame's records that follows this range. */
  taken: number;
  covers: { split: SplitId; from: number; to: number }[];
}

/**
 * The raw lane: moves values and delimiters down inside the receive frame, so that what leaves is one long range per target
 * across the batches and splits of a frame, with no object, string or copy elsewhere per record.
 * Destroys the frame's records as it goes, so it must be their last reader.
 */
export class LinePacker<T> {
  readonly #format: LineFormat;
  readonly #targetOf: (batch: RecordBatch) => T;
  readonly #nullLine: Buffer;
  readonly #columns: ValueColumns = { start: new Int32Array(1024), end: new Int32Array(1024) };
  #frame: Frame | undefined;
  #taken = 0;
  #batchIndex = 0;
  #inBatch = 0;
  #source: { bytes: Buffer; inPlace: boolean } | undefined;
  /** The next newline at or after the record in hand; what the hop over the batch has found so far. */
  #newlineAt = -1;
  /** The bytes of the frame that `#newlineAt` is true of. */
  #newlinesIn: Buffer | undefined;
  /** Where the next in-place line of this frame goes; -1 = no line yet. */
  #frameAt = -1;
  #slab: Buffer | undefined;
  #slabAt = 0;

  /** `targetOf` says where the lines of a batch go: ranges of the same target are one. */
  constructor(format: LineFormat, targetOf: (batch: RecordBatch) => T) {
    this.#format = format;
    this.#targetOf = targetOf;
    this.#nullLine = format.newlines === 'rewrite' ? NULL_LINE : Buffer.alloc(0);
  }

  /** Packs the longest possible range from record `from` on. `limitsFor` is asked once, with the target of that record. */
  pack(frame: Frame, from: number, limitsFor: (target: T) => LineLimits): LineRange<T> {
    if (frame !== this.#frame) this.#begin(frame);
    assert(from === this.#taken && from < frame.count, 'records are packed in order, each once');

    this.#skipEmptyBatches(frame);
    const goal = this.#targetOf(frame.batches[this.#batchIndex] as RecordBatch);
    const limits = limitsFor(goal);
    const range: LineRange<T> = { target: goal, bytes: Buffer.alloc(0), records: 0, taken: from, covers: [] };
    let target: Buffer | undefined;
    let start = 0;
    let end = 0;

    while (this.#batchIndex < frame.batches.length) {
      const batch = frame.batches[this.#batchIndex] as RecordBatch;
      if (batch.count === 0) {
        this.#batchIndex++;
        continue;
      }
      if (this.#targetOf(batch) !== goal) break;
      const source = this.#open(batch);
      if (!source.inPlace) this.#makeRoomInSlab(frame);
      const into = source.inPlace ? source.bytes : (this.#slab as Buffer);
      if (target === undefined) {
        target = into;
        start = end = this.#positionIn(source, into);
      } else if (target !== into) break;

      const first = this.#inBatch;
      end = this.#packBatch(batch, into, end, range, limits, start);
      if (this.#inBatch > first) addCover(range.covers, batch, first, this.#inBatch);
      if (this.#inBatch < batch.count) break;
      this.#batchIndex++;
      this.#inBatch = 0;
      this.#source = undefined;
      if (range.records >= limits.recordsMax || end - start >= limits.bytesMax) break;
    }
    if (target !== undefined) range.bytes = target.subarray(start, end);
    range.taken = this.#taken;
    assert(range.taken > from, 'a range takes at least one record');
    return range;
  }

  #begin(frame: Frame): void {
    this.#frame = frame;
    this.#taken = 0;
    this.#batchIndex = 0;
    this.#inBatch = 0;
    this.#source = undefined;
    this.#newlinesIn = undefined;
    this.#frameAt = -1;
    this.#slab = undefined;
    this.#slabAt = 0;
  }

  #skipEmptyBatches(frame: Frame): void {
    while (frame.batches[this.#batchIndex]?.count === 0) this.#batchIndex++;
  }

  #open(batch: RecordBatch): { bytes: Buffer; inPlace: boolean } {
    if (this.#source !== undefined) return this.#source;
    if (this.#columns.start.length < batch.count) {
      this.#columns.start = new Int32Array(batch.count * 2);
      this.#columns.end = new Int32Array(batch.count * 2);
    }
    const before = this.#newlinesIn;
    this.#source = batch.decodeValues(this.#columns);
    // Ahead of the lines the frame's own bytes do not change, so one hop serves all its batches; other memory may be reused.
    this.#newlinesIn = this.#source.inPlace ? this.#source.bytes : undefined;
    if (this.#newlinesIn === undefined || this.#newlinesIn !== before) this.#newlineAt = -1;
    return this.#source;
  }

  #positionIn(source: { inPlace: boolean }, into: Buffer): number {
    if (!source.inPlace) return this.#slabAt;
    if (this.#frameAt < 0) {
      const start = this.#columns.start[this.#inBatch] as number;
      this.#frameAt = start >= 0 ? start : (this.#columns.end[this.#inBatch] as number) - PREFIX_BYTES_MIN;
    }
    assert(this.#frameAt < into.length, 'the packed lines stay inside the frame');
    return this.#frameAt;
  }

  /** A slab that holds at least the next line. */
  #makeRoomInSlab(frame: Frame): void {
    const start = this.#columns.start[this.#inBatch] as number;
    const lineBytes = start < 0 ? NULL_LINE.length + 1 : (this.#columns.end[this.#inBatch] as number) - start + 1;
    if (this.#slab !== undefined && this.#slab.length - this.#slabAt >= lineBytes) return;
    this.#slab = frame.slab(lineBytes);
    this.#slabAt = 0;
  }

  /** Packs records of the open batch until its end, a limit or the end of the slab; returns where the lines end. */
  #packBatch(
    batch: RecordBatch,
    into: Buffer,
    at: number,
    range: LineRange<T>,
    limits: LineLimits,
    rangeStart: number,
  ): number {
    const source = this.#source as { bytes: Buffer; inPlace: boolean };
    const from = source.bytes;
    const inPlace = source.inPlace;
    const { start: starts, end: ends } = this.#columns;
    const { delimiter, nulls } = this.#format;
    const rewrite = this.#format.newlines === 'rewrite';
    const count = batch.count;
    const endMax = inPlace ? from.length : into.length;
    const bytesEnd = rangeStart + limits.bytesMax;
    let recordsLeft = limits.recordsMax - range.records;
    let newlineAt = this.#newlineAt;
    const first = this.#inBatch;
    let index = first;
    let lines = 0;

    while (index < count && recordsLeft > 0 && at < bytesEnd) {
      const start = starts[index] as number;
      const end = ends[index] as number;
      if (start < 0) {
        if (nulls === 'fail') throw nullValue({ split: batch.split, offset: offsetOf(batch, index) });
        if (nulls === 'write') {
          if (at + this.#nullLine.length + 1 > endMax) break;
          at += this.#nullLine.copy(into, at);
          into[at++] = delimiter;
          lines++;
          recordsLeft--;
        }
        index++;
        continue;
      }
      const length = end - start;
      if (at + length + 1 > endMax) break;
      if (rewrite) {
        if (newlineAt < start) {
          newlineAt = from.indexOf(NEWLINE, start);
          if (newlineAt < 0) newlineAt = Number.MAX_SAFE_INTEGER;
        }
        if (newlineAt < end) {
          rewriteNewlines(from, start, end, () => ({ split: batch.split, offset: offsetOf(batch, index) }));
          newlineAt = -1;
        }
      }
      if (inPlace) {
        if (at < start) into.copyWithin(at, start, end);
        else if (at > start) throw noRoom(batch, index);
      } else from.copy(into, at, start, end);
      at += length;
      into[at++] = delimiter;
      index++;
      lines++;
      recordsLeft--;
    }
    this.#newlineAt = newlineAt;
    this.#taken += index - first;
    this.#inBatch = index;
    range.records += lines;
    if (inPlace) this.#frameAt = at;
    else this.#slabAt = at;
    return at;
  }
}

function addCover(covers: LineRange<unknown>['covers'], batch: RecordBatch, first: number, next: number): void {
  const from = first === 0 ? batch.offsetFirst : batch.offsetAfter(first);
  const to = batch.offsetAfter(next);
  const last = covers.at(-1);
  if (last !== undefined && last.split === batch.split) last.to = to;
  else covers.push({ split: batch.split, from, to });
}

/** Going on would overwrite a value that nobody has taken yet. */
function noRoom(batch: RecordBatch, index: number): SluiceError {
  const offset = offsetOf(batch, index);
  return new SluiceError('bug', 'NO_ROOM_IN_PLACE', {
    message: `${batch.split}: the record at offset ${offset} has less than 7 bytes of its own around its value`,
    help: 'The source promised that its values can be packed in place (`inPlace`). Report this with the source you use.',
    details: { split: batch.split, offset },
  });
}

/** Exact in batches without gaps, a lower bound in others. */
function offsetOf(batch: RecordBatch, index: number): number {
  return index === 0 ? batch.offsetFirst : batch.offsetAfter(index);
}
