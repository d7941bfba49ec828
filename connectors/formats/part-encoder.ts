import type { RecordView } from '../../core/spi.ts';

/** One record as a format sees it. Its memory is the source's: what is kept longer than a call is copied. */
export interface FormatRecord extends RecordView {
  readonly topic: string;
  readonly partition: number;
}

/** What is kept beside a file, from which another incarnation makes the rest of it. */
export interface Beside {
  /** What came since the last time; with `replaces` all that is needed. */
  readonly chunks: readonly Buffer[];
  /** What was kept before is obsolete. */
  readonly replaces: boolean;
}

/** Fills one file of a format that needs to look into records. Synchronous: nothing waits, so cuts are exact. */
export interface PartEncoder {
  /** Takes the record in, or throws `rejected` naming topic, partition and offset; then nothing of it is in. */
  add(record: FormatRecord): void;
  /** Memory that is held until `take`, `takeJournal` or `finish` gives it out, about. */
  readonly gatheredBytes: number;
  /** Of that, what never reaches the file. */
  readonly journalBytes?: number;
  /** Ends the block in hand early, so that `take` gives out everything. */
  endBlock(): void;
  /** What is complete so far, in order: whole blocks, or nothing. The memory is the caller's from then on. */
  take(): Buffer[];
  /**
   * For a file that stays open and cannot end at any moment: what `endOpen` needs beside everything that `take` gives in the same
   * turn. Left out, or undefined, where the end of a block may be the end of the file.
   */
  takeJournal?(): Beside | undefined;
  /** Everything that is left, and what ends the file. Nothing is added afterwards. */
  finish(): Buffer[];
}

/** A format whose files are made record by record. */
export interface RecordFormat {
  /** What file names end in, for example `csv`. */
  readonly extension: string;
  /** Begins a file. One that gets no record is never asked for its bytes. With `staysOpen` it is open across checkpoints. */
  begin(options?: { readonly staysOpen: boolean }): PartEncoder;
}
