import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { ParquetWriter } from 'hyparquet-writer';
import { writeColumn } from 'hyparquet-writer/src/column.js';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import type { FormatRecord, PartEncoder, RecordFormat } from '../part-encoder.ts';
import type { Column, RowValue } from '../row-schema.ts';
import { Output } from './output.ts';
import { rootElement } from './schema.ts';
import type { ParquetSettings } from './settings.ts';
import { type Leaf, type Shredded, shredded } from './shred.ts';

/** A page is closed once its values take this much before compression. */
const PAGE_BYTES = 1024 * 1024;

/**
 * In the form that readers parse, or they would not trust the statistics of strings. It names what the bytes look like, not a
 * release: equal rows give equal files.
 */
const CREATED_BY = 'sluice version 1 (build 1)';

const CODECS = { zstd: 'ZSTD', snappy: 'SNAPPY', gzip: 'GZIP', none: 'UNCOMPRESSED' } as const;
const ZSTD_LEVEL = 3;

/** From zlib of Node; snappy is the library's own, in JavaScript. */
const compressors = {
  SNAPPY: snappyCompress,
  ZSTD: (page: Uint8Array) => zstdCompressSync(page, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
  GZIP: (page: Uint8Array) => gzipSync(page),
};

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
  readonly #rows: Shredded;
  readonly #output = new Output();
  /** Writes what begins and ends the file, and holds the metadata of finished row groups, as plain values. */
  readonly #file: ParquetWriter;
  #rowCount = 0;
  #rowBytes = 0;

  constructor(options: ParquetOptions) {
    this.#options = options;
    const root = rootElement(options.columns);
    this.#rows = shredded(options.columns, root);
    this.#file = new ParquetWriter({
      writer: this.#output,
      schema: [root, ...this.#rows.elements],
      codec: CODECS[options.settings.compression],
      createdBy: CREATED_BY,
    });
  }

  add(record: FormatRecord): void {
    const row = this.#options.rowOf(record);
    const { shredders } = this.#rows;
    for (let i = 0; i < shredders.length; i++) this.#rowBytes += shredders[i]?.put(row[i], 0, 0) ?? 0;
    this.#rowCount += 1;
    if (this.#rowBytes >= this.#options.settings.rowGroupBytes) this.#endRowGroup();
  }

  get gatheredBytes(): number {
    return this.#rowBytes + this.#output.waitingBytes;
  }

  take(): Buffer[] {
    return this.#file.row_groups.length === 0 ? [] : this.#output.take();
  }

  finish(): Buffer[] {
    if (this.#rowCount > 0) this.#endRowGroup();
    this.#file.finish();
    return this.#output.take();
  }

  #endRowGroup(): void {
    const file = this.#file;
    const offsetStart = this.#output.offset;
    const written = this.#rows.leaves.map((leaf) => this.#writeLeaf(leaf));
    file.pendingIndexes.push(...written);
    file.row_groups.push({
      columns: written.map(({ chunk }) => chunk),
      num_rows: BigInt(this.#rowCount),
      total_byte_size: written.reduce((sum, { chunk }) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(this.#output.offset - offsetStart),
    });
    file.num_rows += BigInt(this.#rowCount);
    this.#rowCount = 0;
    this.#rowBytes = 0;
  }

  /** One column chunk. Its values are gone afterwards, so that columns that come later find their memory. */
  #writeLeaf(leaf: Leaf) {
    const { path, values, definitionLevels, repetitionLevels, definitionMax } = leaf;
    const how = leafEncoding(leaf);
    leaf.values = [];
    leaf.definitionLevels = [];
    leaf.repetitionLevels = [];
    return writeColumn({
      writer: this.#output,
      column: {
        columnName: path
          .slice(1)
          .map(({ name }) => name)
          .join('.'),
        schemaPath: [...path],
        codec: this.#file.codec,
        compressors,
        pageSize: PAGE_BYTES,
        columnIndex: false,
        offsetIndex: true,
        ...how,
      },
      pageData: {
        values: leaf.type.kind === 'int64' ? values.map(int64) : values,
        definitionLevels,
        repetitionLevels,
        maxDefinitionLevel: definitionMax,
      },
    });
  }
}

/** What the library has to be told about a leaf beside its values. */
function leafEncoding({ type, path }: Leaf) {
  const element = path[path.length - 1] as Leaf['path'][number];
  switch (type.kind) {
    case 'float32':
    case 'float64':
      // The library's dictionaries know -0 and 0 as one value.
      return { element, stats: true, encoding: 'PLAIN' as const };
    case 'json': {
      // Named JSON the library would print the text as a JSON string again, and put whole texts into statistics.
      const { converted_type: _, ...asText } = element;
      return { element: asText, stats: false };
    }
    default:
      return { element, stats: true };
  }
}

function int64(value: unknown): bigint | null {
  return value === null ? null : BigInt(value as number | bigint);
}
