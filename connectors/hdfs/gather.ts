/** Large enough that a system call and the frame of an HTTP chunk cost nothing beside the bytes. */
const GATHERED_BYTES = 256 * 1024;
/** From here on a chunk goes as it is. */
const LARGE_BYTES = 64 * 1024;

/** Turns many small chunks into few large ones, by a copy into a few buffers that are used again and again. */
export class Gatherer {
  /** As many as appends have been under way at a time. */
  readonly #free: Buffer[] = [];

  /** Each piece is valid until the next one is asked for. */
  *pieces(chunks: readonly Buffer[]): Generator<Buffer, void, void> {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(GATHERED_BYTES);
    let used = 0;
    for (const chunk of chunks) {
      if (used > 0 && used + chunk.length > GATHERED_BYTES) {
        yield buffer.subarray(0, used);
        used = 0;
      }
      if (used === 0 && chunk.length >= LARGE_BYTES) yield chunk;
      else used += chunk.copy(buffer, used);
    }
    if (used > 0) yield buffer.subarray(0, used);
    // Not in a `finally`: what is given up before its end may still be read from.
    this.#free.push(buffer);
  }
}
