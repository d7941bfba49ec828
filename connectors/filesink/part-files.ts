import type { Covers } from '../../core/spi.ts';
import type { Beside } from '../formats/part-encoder.ts';

/**
 * What a file-like place has to offer so that `PartWriter` can fill it: new files that no reader sees yet.
 * Implementations throw `SluiceError`; nothing here is retried.
 */
export interface PartFiles<H, O = unknown> {
  /** Begins a part that nothing else has ever had the name of. */
  open(part: NewPart): Promise<PartFile<H, O>>;
  /**
   * Told once by the writer: how to have parts closed early that hold `bytes` of memory. For a place that gathers bytes in
   * memory; it may call this whenever it opens or appends.
   */
  onShortage?(relieve: (bytes: number) => void): void;
  /** Told in the turn in which a cut begins, for a place that stages more than parts. */
  onCut?(): void;
}

export interface NewPart {
  /** Relative to the root, and encoded already. */
  readonly directory: string;
  readonly name: string;
  /** The offsets of everything given to the part so far; all of them from the moment it is closed. */
  covers(): Covers;
}

/** One part being staged. Dispose gives back what it holds open and leaves every staged byte where it is. */
export interface PartFile<H, O = unknown> extends AsyncDisposable {
  /** Appends all chunks. Called one at a time; the memory is the writer's again once it settles, either way. */
  append(chunks: readonly Buffer[]): Promise<void>;
  /** Makes the part durable, still out of every reader's sight, and returns the right to make it visible. */
  close(): Promise<H>;
  /**
   * Makes durable what was appended so far, together with what is to be kept beside it, and returns what another incarnation
   * needs to end the part there. More may be appended. Left out by a place whose parts cannot stay open across checkpoints.
   */
  persist?(beside?: Beside): Promise<O>;
  /**
   * Keeps this beside the part, too, before a `persist` asks for the rest: it is much already. Left out by a place without
   * `persist`.
   */
  keepBeside?(beside: Beside): Promise<void>;
  /** Memory that only filling or closing the part gives back; a place that writes at once has none. */
  readonly gatheredBytes?: number;
  /**
   * How large the file is with everything given so far: an estimate, for a place whose files are not as long as what they
   * are given. Left out where they are.
   */
  readonly bytes?: number;
}
