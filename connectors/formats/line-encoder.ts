import { ByteWriter } from './byte-writer.ts';
import type { FormatRecord, PartEncoder } from './part-encoder.ts';

/** Writes the line of a record, and before the first of a file what it begins with. Throws before it writes anything. */
export type WriteLine = (record: FormatRecord, out: ByteWriter, isFirst: boolean) => void;

/** A file of lines, complete after each of them. */
export class LineEncoder implements PartEncoder {
  readonly #out = new ByteWriter();
  readonly #write: WriteLine;
  #isFirst = true;

  constructor(write: WriteLine) {
    this.#write = write;
  }

  add(record: FormatRecord): void {
    this.#write(record, this.#out, this.#isFirst);
    this.#isFirst = false;
  }

  get gatheredBytes(): number {
    return this.#out.length;
  }

  /** Every line is one. */
  endBlock(): void {}

  take(): Buffer[] {
    return this.#out.take();
  }

  finish(): Buffer[] {
    return this.#out.take();
  }
}
