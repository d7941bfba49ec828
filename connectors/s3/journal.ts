import type { Beside } from '../formats/part-encoder.ts';
import type { TailPiece, Tails } from './tails.ts';

/** So many pieces of a level become one of the next level. */
const PIECES_MAX = 16;
/** Pieces from here on stay as they are. */
const LARGE_BYTES = 4 * 1024 * 1024;

interface Levelled {
  readonly piece: TailPiece;
  /** How often it was put together with others. */
  readonly level: number;
}

/**
 * Keeps what belongs beside one open file in pieces of tails. Small ones are put together, so that slots stay small: each byte is
 * written again once a level, and between large pieces there are fewer than 16 of each level.
 */
export class Journal {
  readonly #tails: Tails;
  #pieces: Levelled[] = [];

  constructor(tails: Tails) {
    this.#tails = tails;
  }

  /** Makes the bytes durable, and says where all together are. */
  async keep({ chunks, replaces }: Beside): Promise<TailPiece[]> {
    if (replaces) this.#pieces = [];
    if (chunks.length > 0) this.#pieces.push({ piece: await this.#put(chunks), level: 0 });
    for (let joins = true; joins; ) joins = await this.#joinLast();
    return this.#pieces.map(({ piece }) => piece);
  }

  /** False when there is nothing to put together. */
  async #joinLast(): Promise<boolean> {
    const level = this.#pieces.at(-1)?.level ?? 0;
    const first = this.#pieces.findLastIndex((one) => one.level !== level) + 1;
    const run = this.#pieces.slice(first).map(({ piece }) => piece);
    const bytes = run.reduce((sum, piece) => sum + piece.bytes, 0);
    if (level === Number.POSITIVE_INFINITY || (run.length < PIECES_MAX && bytes < LARGE_BYTES)) return false;
    const chunks: Buffer[] = [];
    if (run.length > 1) for (const piece of run) chunks.push(await this.#tails.read(piece));
    const piece = run.length > 1 ? await this.#put(chunks) : (run[0] as TailPiece);
    this.#pieces.splice(first, run.length, {
      piece,
      level: bytes < LARGE_BYTES ? level + 1 : Number.POSITIVE_INFINITY,
    });
    return true;
  }

  #put(chunks: readonly Buffer[]): Promise<TailPiece> {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    return this.#tails.put(bytes, async (into) => {
      let at = 0;
      for (const chunk of chunks) at += chunk.copy(into, at);
    });
  }
}
