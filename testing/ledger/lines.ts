import { FolderOutput } from './folder-output.ts';

/** Called for every line without its newline; `whole` is false for a last line that has none. Valid only during the call. */
export type OnLine = (bytes: Buffer, start: number, end: number, whole: boolean) => void;

/** Cuts chunks into lines, without copying what lies within one chunk. */
export class LineCutter {
  readonly #onLine: OnLine;
  /** The beginning of a line whose end has not come yet. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(10);
    if (end !== -1 && this.#keptBytes > 0) {
      this.#keep(chunk.subarray(0, end));
      this.#onLine(this.#kept, 0, this.#keptBytes, true);
      this.#keptBytes = 0;
      start = end + 1;
      end = chunk.indexOf(10, start);
    }
    for (; end !== -1; end = chunk.indexOf(10, start)) {
      this.#onLine(chunk, start, end, true);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** Nothing follows. */
  end(): void {
    if (this.#keptBytes > 0) this.#onLine(this.#kept, 0, this.#keptBytes, false);
    this.#keptBytes = 0;
  }

  #keep(piece: Buffer): void {
    const bytes = this.#keptBytes + piece.length;
    if (bytes > this.#kept.length) this.#kept = Buffer.concat([this.#kept.subarray(0, this.#keptBytes)], bytes * 2);
    piece.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = bytes;
  }
}

/** Cuts chunks into lines as they come. */
export async function cutLines(chunks: AsyncIterable<Buffer>, onLine: OnLine): Promise<{ bytes: number }> {
  const cutter = new LineCutter(onLine);
  let bytes = 0;
  for await (const chunk of chunks) {
    cutter.push(chunk);
    bytes += chunk.length;
  }
  cutter.end();
  return { bytes };
}

/** Reads a file line by line, through one buffer. */
export function readLines(path: string, onLine: OnLine): Promise<{ bytes: number }> {
  return cutLines(new FolderOutput('').read(path), onLine);
}
