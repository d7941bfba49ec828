/**
 * What a file-like place has to offer so that `PartWriter` can fill it: new files that no reader sees yet.
 * Implementations throw `SluiceError`; nothing here is retried.
 */
export interface PartFiles<H> {
  /** Begins a part that nothing else has ever had the name of. `directory` is relative to the root and encoded already. */
  open(part: { directory: string; name: string }): Promise<PartFile<H>>;
}

/** One part being staged. Dispose gives back what it holds open and leaves every staged byte where it is. */
export interface PartFile<H> extends AsyncDisposable {
  /** Appends all chunks. Called one at a time; the memory is the writer's again once it settles, either way. */
  append(chunks: readonly Buffer[]): Promise<void>;
  /** Makes the part durable, still out of every reader's sight, and returns the right to make it visible. */
  close(): Promise<H>;
}
