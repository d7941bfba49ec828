import { type Frame, type RecordBatch, RecordFrame } from '../../core/spi.ts';
import { DecodedBatch } from './decoded-batch.ts';
import type { FrameWalk } from './frame-walk.ts';
import type { PieceColumns, PieceMemory } from './piece-memory.ts';

/** What lines that are packed in place need around each value: one byte behind it, the rest before. */
const BEFORE_VALUE = 6;
const AFTER_VALUE = 1;

/** Records of one batch in a row. */
interface Stretch {
  readonly batch: RecordBatch;
  /** Of its records, the first one. */
  readonly from: number;
  /** Where that is among the records of the piece, and of the frame. */
  readonly at: number;
  readonly inFrame: number;
  count: number;
}

/** Keys and JSON texts of records in a row, as many as there is room for, and one at least. */
export class DecodedPiece {
  count = 0;
  readonly #memory: PieceMemory;
  readonly #columns: PieceColumns;
  readonly #stretches: Stretch[] = [];
  #bytes: Buffer;
  #used = 0;

  constructor(memory: PieceMemory) {
    this.#memory = memory;
    this.#columns = memory.takeColumns();
    this.#bytes = memory.takeBytes(0);
  }

  /** Takes the next record of a batch, with `text` as its value. False when there is no room for it. */
  add(walk: FrameWalk, batch: RecordBatch, index: number, text: string | Buffer | null): boolean {
    const { columns, records } = walk.open(batch);
    const keyAt = columns.keyStart[index] as number;
    const keyBytes = keyAt < 0 ? 0 : (columns.keyEnd[index] as number) - keyAt;
    const before = Math.max(keyBytes, BEFORE_VALUE);
    if (!this.#hasRoom(before, text)) return false;

    const { start, end, keyStart, keyEnd, timestampMs, offset } = this.#columns;
    const at = this.#used;
    const valueAt = at + before;
    const to = this.count++;
    if (keyBytes > 0) records.bytes.copy(this.#bytes, at, keyAt, keyAt + keyBytes);
    const valueEnd = valueAt + this.#write(text, valueAt);
    keyStart[to] = keyAt < 0 ? -1 : at;
    keyEnd[to] = at + keyBytes;
    start[to] = text === null ? -1 : valueAt;
    end[to] = valueEnd;
    timestampMs[to] = columns.timestampMs[index] as number;
    offset[to] = columns.offset[index] as number;
    this.#used = valueEnd + AFTER_VALUE;
    this.#count(walk, batch, index);
    return true;
  }

  /** The frame of these records, which lie behind in `walk`; the memory is given back with it. */
  frame(walk: FrameWalk): Frame {
    const { frame, taken: end } = walk;
    const stretches = this.#stretches;
    const bytes = this.#bytes.subarray(0, this.#used);
    const batches = stretches.map(
      ({ batch, from, at, count }) =>
        new DecodedBatch({
          ...{ batch, from, at, count, bytes },
          columns: this.#columns,
          headersOf: (index) => walk.open(batch).records.headersOf(index),
        }),
    );
    // Headers stay where they are.
    frame.retain();
    return new RecordFrame({
      batches,
      positionsAt: (index, taken) => {
        const stretch = stretches[index];
        return walk.positionsAfter(stretch === undefined ? end : stretch.inFrame + taken);
      },
      slabs: this.#memory.slabs,
      recycle: () => {
        this.giveBack();
        frame.release();
      },
    });
  }

  giveBack(): void {
    this.#memory.giveBytes(this.#bytes);
    this.#memory.giveColumns(this.#columns);
  }

  /** A record that is larger than a piece is one alone. */
  #hasRoom(before: number, text: string | Buffer | null): boolean {
    const room = this.#bytes.length - this.#used - before - AFTER_VALUE;
    if (this.count === this.#memory.recordsMax) return false;
    // Three bytes for a character are the most: only near the end they have to be counted.
    if (typeof text === 'string' ? text.length * 3 <= room : (text?.length ?? 0) <= room) return true;
    const missing = (text === null ? 0 : Buffer.byteLength(text)) - room;
    if (missing <= 0) return true;
    if (this.count > 0) return false;
    const bytes = this.#memory.takeBytes(this.#bytes.length + missing);
    this.#memory.giveBytes(this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  #write(text: string | Buffer | null, at: number): number {
    if (text === null) return 0;
    return typeof text === 'string' ? this.#bytes.write(text, at) : text.copy(this.#bytes, at);
  }

  #count(walk: FrameWalk, batch: RecordBatch, index: number): void {
    const last = this.#stretches.at(-1);
    if (last?.batch === batch) last.count++;
    else this.#stretches.push({ batch, from: index, at: this.count - 1, inFrame: walk.taken, count: 1 });
    walk.pass(1);
  }
}
