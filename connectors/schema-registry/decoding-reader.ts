import type { Frame, MemoryBudget, RecordBatch, Split, SplitId, SplitPosition, SplitReader } from '../../core/spi.ts';
import { DecodedPiece } from './decoded-piece.ts';
import { FrameWalk } from './frame-walk.ts';
import type { JsonText } from './json-text.ts';
import { type PieceLimits, PieceMemory } from './piece-memory.ts';

export interface DecodingReaderParts<P> {
  readonly reader: SplitReader<P>;
  readonly text: JsonText;
  readonly memory: MemoryBudget;
  /** The usual ones when left out. */
  readonly limits?: PieceLimits;
}

/**
 * Gives the frames of another reader with JSON texts as their values, in pieces of bounded size. A piece ends before a record
 * that cannot be decoded, or not yet; the poll for that record then throws or waits, and may be called off and made again.
 */
export class DecodingReader<P> implements SplitReader<P> {
  readonly #reader: SplitReader<P>;
  readonly #text: JsonText;
  readonly #budget: MemoryBudget;
  readonly #limits: PieceLimits | undefined;
  readonly #at = { topic: '', partition: 0, offset: 0 };
  #memory: PieceMemory | undefined;
  /** Through the frame that is being decoded. */
  #walk: FrameWalk | undefined;

  constructor({ reader, text, memory, limits }: DecodingReaderParts<P>) {
    this.#reader = reader;
    this.#text = text;
    this.#budget = memory;
    this.#limits = limits;
  }

  assign(splits: readonly (Split & { position: P })[]): void {
    this.#reader.assign(splits);
  }

  revoke(splits: readonly SplitId[]): void {
    this.#reader.revoke(splits);
    this.#walk?.leaveOut(splits);
  }

  announce(positions: readonly SplitPosition<P>[]): void {
    this.#reader.announce?.(positions);
  }

  async poll({ signal }: { signal: AbortSignal }): Promise<Frame | 'idle' | 'end'> {
    // It grows without waiting: whoever waits for memory here holds a frame that others may wait for.
    this.#memory ??= new PieceMemory(await this.#budget.reserve(0, { signal }), this.#limits);
    for (;;) {
      if (this.#walk === undefined) {
        const polled = await this.#reader.poll({ signal });
        if (typeof polled === 'string' || polled.count === 0) return polled;
        this.#walk = new FrameWalk(polled);
      }
      const walk = this.#walk;
      const piece = this.#nextPiece(walk, this.#memory);
      if (walk.next() === undefined) this.#endWalk();
      if (piece !== undefined) return piece;
      if (this.#walk !== undefined) await this.#text.ready({ signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endWalk();
    await this.#reader[Symbol.asyncDispose]();
  }

  #endWalk(): void {
    this.#walk?.frame.release();
    this.#walk = undefined;
  }

  /** The longest piece from here on; undefined when its first record has to wait. Throws what is wrong with that one. */
  #nextPiece(walk: FrameWalk, memory: PieceMemory): Frame | undefined {
    const piece = new DecodedPiece(memory);
    try {
      for (let next = walk.next(); next !== undefined; next = walk.next()) {
        if (!this.#addBatch(piece, walk, next.batch, next.index)) break;
      }
    } catch (error) {
      if (piece.count > 0) return piece.frame(walk); // The next poll comes upon it first.
      piece.giveBack();
      throw error;
    }
    if (piece.count > 0) return piece.frame(walk);
    piece.giveBack();
    return undefined;
  }

  /** False when the piece ends before the batch does. */
  #addBatch(piece: DecodedPiece, walk: FrameWalk, batch: RecordBatch, from: number): boolean {
    const { columns, records } = walk.open(batch);
    const { start, end, offset } = columns;
    const at = this.#at;
    at.topic = batch.group;
    at.partition = batch.index;
    for (let index = from; index < batch.count; index++) {
      let text: string | Buffer | null | undefined = null;
      const valueAt = start[index] as number;
      if (valueAt >= 0) {
        at.offset = offset[index] as number;
        text = this.#text.textOf(records.bytes.subarray(valueAt, end[index]), at);
        if (text === undefined) return false;
      }
      if (!piece.add(walk, batch, index, text)) return false;
    }
    return true;
  }
}
