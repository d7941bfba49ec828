import { ParquetWriter } from 'hyparquet-writer';
import { assert } from '../../../core/spi.ts';
import type { FileEnder } from '../journal.ts';
import type { Beside, FormatRecord, PartEncoder, RecordFormat } from '../part-encoder.ts';
import type { RowValue } from '../row-schema.ts';
import { rowReader } from '../rows.ts';
import { type FileShape, ParquetJournal, type RowGroup, shapeOf } from './journal.ts';
import { Leaf } from './leaf.ts';
import { Output } from './output.ts';
import { rootElement } from './schema.ts';
import { shredded } from './shred.ts';

/**
 * In the form that readers parse, or they would not trust the statistics of strings. It names what the bytes look like, not a
 * release: equal rows give equal files.
 */
const CREATED_BY = 'sluice version 1 (build 1)';

const MAGIC_BYTES = 4;

export interface ParquetOptions extends FileShape {
  /** A record as one value per column. Throws `rejected` naming topic, partition and offset. */
  readonly rowOf: (record: FormatRecord) => readonly RowValue[];
}

/** Parquet files: row groups of whole columns, and a footer that says where they are. */
export function parquetFormat(options: ParquetOptions): RecordFormat {
  const begin: RecordFormat['begin'] = ({ staysOpen } = { staysOpen: false }) =>
    new ParquetEncoder(options, staysOpen ? { journal: new ParquetJournal(options) } : {});
  return { extension: 'parquet', begin };
}

/** Ends a file by its journal, whose first value this is. */
export function endParquet(first: Parameters<typeof shapeOf>[0]): FileEnder {
  const shape = shapeOf(first);
  const options = { ...shape, rowOf: rowReader(shape.columns) };
  const rowGroups: RowGroup[] = [];
  let encoder: ParquetEncoder | undefined;
  return {
    value: (value) => {
      rowGroups.push(value as RowGroup);
      // The records before it are in that row group.
      encoder = undefined;
    },
    record: (record) => {
      encoder ??= new ParquetEncoder(options, { rowGroups });
      encoder.add(record);
    },
    end: (prefixBytes) => {
      encoder ??= new ParquetEncoder(options, { rowGroups });
      const bytes = rowGroups.reduce((sum, rowGroup) => sum + rowGroup.bytes, rowGroups.length === 0 ? 0 : MAGIC_BYTES);
      assert(bytes === prefixBytes, 'the row groups that a journal names are what is in the file');
      return encoder.finish();
    },
  };
}

interface Continued {
  /** Where to keep what ends the file, for one that stays open. */
  readonly journal?: ParquetJournal;
  /** What another incarnation has written of the file. */
  readonly rowGroups?: readonly RowGroup[];
}

class ParquetEncoder implements PartEncoder {
  readonly #options: ParquetOptions;
  readonly #shredders: readonly Pick<Leaf, 'put'>[];
  readonly #leaves: readonly Leaf[];
  readonly #held = { bytes: 0 };
  readonly #output = new Output();
  /** Writes what begins and ends the file, and holds the metadata of finished row groups, as plain values. */
  readonly #file: ParquetWriter;
  readonly #journal: ParquetJournal | undefined;
  #rowCount = 0;

  constructor(options: ParquetOptions, { journal, rowGroups = [] }: Continued) {
    this.#options = options;
    this.#journal = journal;
    const root = rootElement(options.columns);
    const { compression } = options.settings;
    const { elements, leaves, shredders } = shredded(
      options.columns,
      root,
      (shape) => new Leaf(shape, compression, this.#held),
    );
    this.#leaves = leaves;
    this.#shredders = shredders;
    this.#file = new ParquetWriter({
      writer: this.#output,
      schema: [root, ...elements],
      createdBy: CREATED_BY,
    });
    if (rowGroups.length === 0) return;
    this.#output.skipTo(rowGroups.reduce((sum, { bytes }) => sum + bytes, MAGIC_BYTES));
    for (const rowGroup of rowGroups) this.#note(rowGroup);
  }

  add(record: FormatRecord): void {
    const row = this.#options.rowOf(record);
    for (let i = 0; i < this.#shredders.length; i++) this.#shredders[i]?.put(row[i], 0, 0);
    this.#rowCount += 1;
    this.#journal?.add(record);
    if (this.#held.bytes >= this.#options.settings.rowGroupBytes) this.#endRowGroup();
  }

  get gatheredBytes(): number {
    return this.#held.bytes + this.#output.waitingBytes + this.journalBytes;
  }

  get journalBytes(): number {
    return this.#journal?.waitingBytes ?? 0;
  }

  endBlock(): void {
    if (this.#rowCount > 0) this.#endRowGroup();
  }

  take(): Buffer[] {
    return this.#file.row_groups.length === 0 ? [] : this.#output.take();
  }

  takeJournal(): Beside | undefined {
    return this.#journal?.take();
  }

  finish(): Buffer[] {
    this.endBlock();
    this.#file.finish();
    return this.#output.take();
  }

  #endRowGroup(): void {
    const offsetStart = this.#output.offset;
    const written = this.#leaves.map((leaf) => leaf.endChunk(this.#output));
    const rowGroup = { written, rows: this.#rowCount, bytes: this.#output.offset - offsetStart };
    this.#note(rowGroup);
    this.#journal?.endRowGroup(rowGroup);
    this.#rowCount = 0;
  }

  /** For the footer. */
  #note({ written, rows, bytes }: RowGroup): void {
    const file = this.#file;
    file.pendingIndexes.push(...written);
    file.row_groups.push({
      columns: written.map(({ chunk }) => chunk),
      num_rows: BigInt(rows),
      total_byte_size: written.reduce((sum, { chunk }) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(bytes),
    });
    file.num_rows += BigInt(rows);
  }
}
