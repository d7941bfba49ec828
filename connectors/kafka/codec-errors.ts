/** Compressed bytes that are not what their format says. */
export class CorruptData extends Error {
  override readonly name = 'CorruptData';
}

/** More comes out than is allowed. */
export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge';
  constructor(bytesMax: number) {
    super(`more than ${bytesMax} bytes after decompression`);
  }
}
