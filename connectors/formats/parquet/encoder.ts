import { ParquetWriter } from 'hyparquet-writer';
import type { FormatRecord, PartEncoder, RecordFormat } from '../part-encoder.ts';
import type { Column, RowValue } from '../row-schema.ts';
import { Leaf } from './leaf.ts';
import { Output } from './output.ts';
import { rootElement } from './schema.ts';
import type { ParquetSettings } from './settings.ts';
import { shredded } from './shred.ts';

/**
 * In the form that readers parse, or they would not trust the statistics of strings. It names what the bytes look like, not a
 * release: equal rows give equal files.
 */
const CREATED_BY = 'sluice version 1 (build 1)';

export interface ParquetOptions {
  readonly columns: readonly Column[];
  /** A record as one value per column. Throws `rejected` naming topic, partition and offset. */
  readonly rowOf: (record: FormatRecord) => readonly RowValue[];
  readonly settings: ParquetSettings;
}

/** Parquet files: row groups of whole columns, and a footer that says where they are. */
export function parquetFormat(options: ParquetOptions): RecordFormat {
  return { extension: 'parquet', begin: () => new ParquetEncoder(options) };
}

class ParquetEncoder implements PartEncoder {
  readonly #options: ParquetOptions;
  readonly #shredders: readonly Pick<Leaf, 'put'>[];
  readonly #leaves: readonly Leaf[];
  readonly #held = { bytes: 0 };
  readonly #output = new Output();
  /** Writes what begins and ends the file, and holds the metadata of finished row groups, as plain values. */
  readonly #file: ParquetWriter;
  #rowCount = 0;

  constructor(options: ParquetOptions) {
    this.#options = options;
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
  }

  add(record: FormatRecord): void {
    const row = this.#options.rowOf(record);
    for (let i = 0; i < this.#shredders.length; i++) this.#shredders[i]?.put(row[i], 0, 0);
    this.#rowCount += 1;
    if (this.#held.bytes >= this.#options.settings.rowGroupBytes) this.#endRowGroup();
  }

  get gatheredBytes(): number {
    return this.#held.bytes + this.#output.waitingBytes;
  }

  endBlock(): void {
    if (this.#rowCount > 0) this.#endRowGroup();
  }

  take(): Buffer[] {
    return this.#file.row_groups.length === 0 ? [] : this.#output.take();
  }

  finish(): Buffer[] {
    this.endBlock();
    this.#file.finish();
    return this.#output.take();
  }

  #endRowGroup(): void {
    const file = this.#file;
    const offsetStart = this.#output.offset;
    const written = this.#leaves.map((leaf) => leaf.endChunk(this.#output));
    file.pendingIndexes.push(...written);
    file.row_groups.push({
      columns: written.map(({ chunk }) => chunk),
      num_rows: BigInt(this.#rowCount),
      total_byte_size: written.reduce((sum, { chunk }) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(this.#output.offset - offsetStart),
    });
    file.num_rows += BigInt(this.#rowCount);
    this.#rowCount = 0;
  }
}
