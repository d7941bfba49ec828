import { SluiceError } from '../../../core/spi.ts';
import { JournalWriter } from '../journal.ts';
import type { Beside, FormatRecord } from '../part-encoder.ts';
import type { Column } from '../row-schema.ts';
import type { WrittenChunk } from './leaf.ts';
import type { ParquetSettings } from './settings.ts';

const VERSION = 1;

/** How a file is made, as its journal says it: settings may be others when the file is ended. */
export interface FileShape {
  readonly columns: readonly Column[];
  readonly settings: ParquetSettings;
}

/** What the footer will say of a row group, and how long it is. */
export interface RowGroup {
  readonly written: WrittenChunk[];
  readonly rows: number;
  readonly bytes: number;
}

/** How a journal of a Parquet file begins. */
export const PARQUET = 'parquet';

/** What ends a file whose row group is not complete: metadata of the others, and the records since. */
export class ParquetJournal {
  readonly #shape: FileShape;
  /** Of the row group in hand, since the last `take`. */
  readonly #records = new JournalWriter();
  readonly #rowGroups: RowGroup[] = [];
  /** In the journal as it was given so far: row groups, the bytes of these, and of records that are needed or obsolete. */
  #given = { rowGroups: 0, valueBytes: 0, recordBytes: 0, obsoleteBytes: 0 };
  #isBegun = false;

  constructor({ columns, settings }: FileShape) {
    this.#shape = { columns, settings };
  }

  get waitingBytes(): number {
    return this.#records.bytes;
  }

  add(record: FormatRecord): void {
    this.#records.record(record);
  }

  /** The row group that all records so far belong to is complete. */
  endRowGroup(rowGroup: RowGroup): void {
    this.#records.take();
    this.#rowGroups.push(rowGroup);
    this.#given.obsoleteBytes += this.#given.recordBytes;
    this.#given.recordBytes = 0;
  }

  /** Begins anew where that makes the journal shorter, so that what is written is never much more than what came. */
  take(): Beside {
    const isLong = this.#given.obsoleteBytes > this.#given.valueBytes;
    const replaces = !this.#isBegun || isLong;
    if (replaces) this.#given = { rowGroups: 0, valueBytes: 0, recordBytes: 0, obsoleteBytes: 0 };
    const values = new JournalWriter();
    if (replaces) values.value({ format: PARQUET, version: VERSION, ...this.#shape });
    for (const rowGroup of this.#rowGroups.slice(this.#given.rowGroups)) values.value(rowGroup);
    this.#isBegun = true;
    this.#given.rowGroups = this.#rowGroups.length;
    this.#given.valueBytes += values.bytes;
    this.#given.recordBytes += this.#records.bytes;
    return { chunks: [...values.take(), ...this.#records.take()], replaces };
  }
}

/** The shape in the first value of a journal. Throws `config` for one of a later version. */
export function shapeOf({ version, columns, settings }: FileShape & { readonly version: number }): FileShape {
  if (version === VERSION) return { columns, settings };
  throw new SluiceError('config', 'OPEN_PART_VERSION', {
    message: `what ends an open Parquet file was recorded in version ${version}, this version of Sluice reads ${VERSION}`,
    help: 'Run the version of Sluice that wrote it, or a newer one.',
  });
}
