// Reads Parquet files back with two readers that know nothing of Sluice, into values as rows hold them.
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
} from '@duckdb/node-api';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import type { Column, RowField, RowType, RowValue } from '../../../../connectors/formats/row-schema.ts';

const text = new TextDecoder('utf-8', { fatal: true });

/** Rows as hyparquet reads them; decimals as the integers or bytes that are stored. */
export async function readWithHyparquet(
  file: Buffer,
  columns: readonly Column[],
  range: { rowStart?: number; rowEnd?: number } = {},
): Promise<RowValue[][]> {
  const bytes = new Uint8Array(file).buffer;
  const metadata = parquetMetadata(bytes);
  for (const element of metadata.schema) {
    if (element.converted_type !== 'DECIMAL') continue;
    delete element.converted_type; // it would make them floats
    delete element.logical_type;
  }
  const rows = await parquetReadObjects({
    file: bytes,
    metadata,
    utf8: false,
    useOffsetIndex: range.rowStart !== undefined,
    ...range,
    parsers: {
      timestampFromMilliseconds: Number,
      timestampFromMicroseconds: Number,
      dateFromDays: (days) => days,
      jsonFromBytes: (json) => text.decode(json),
    },
    compressors: { ZSTD: (input) => zstdDecompressSync(input), GZIP: (input) => gunzipSync(input) },
  });
  return rows.map((row) => columns.map((column) => fromHyparquet(row[column.name], column.type)));
}

function fromHyparquet(value: unknown, type: RowType): RowValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'int64':
      return exact(value as bigint);
    case 'decimal':
      return value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint);
    case 'list':
      return (value as unknown[]).map((item) => fromHyparquet(item, type.items.type));
    case 'struct':
      return type.fields.map((field) => fromHyparquet((value as Record<string, unknown>)[field.name], field.type));
    case 'bytes':
      return new Uint8Array(value as Uint8Array);
    default:
      return value as RowValue;
  }
}

function bigEndian(bytes: Uint8Array): bigint {
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** As rows hold 64-bit integers: numbers where they are exact. */
export function exact(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** A DuckDB in memory. Every query has a file of its own name: DuckDB keeps parts of files that look unchanged by name, size and time. */
export class DuckDb {
  readonly #connection: DuckDBConnection;
  #files = 0;

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  static async open(): Promise<DuckDb> {
    return new DuckDb(await (await DuckDBInstance.create(':memory:')).connect());
  }

  close(): void {
    this.#connection.closeSync();
  }

  async read(file: Buffer, columns: readonly RowField[]): Promise<RowValue[][]> {
    const rows = (await this.#run(file, 'SELECT * FROM FILE')).getRows();
    return rows.map((row) => columns.map((column, index) => fromDuckDb(row[index], column.type)));
  }

  /** The answer to a query that names the file as FILE, as JSON values by column name. */
  async ask(file: Buffer, query: string): Promise<Record<string, unknown>[]> {
    return (await this.#run(file, query)).getRowObjectsJson() as Record<string, unknown>[];
  }

  async #run(file: Buffer, query: string) {
    this.#files += 1;
    const path = join(tmpdir(), `sluice-${process.pid}-${this.#files}.parquet`);
    writeFileSync(path, file);
    try {
      return await this.#connection.runAndReadAll(query.replaceAll('FILE', `'${path}'`));
    } finally {
      rmSync(path);
    }
  }
}

function fromDuckDb(value: unknown, type: RowType): RowValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return exact(value);
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof DuckDBDateValue) return value.days;
  if (value instanceof DuckDBBlobValue) return new Uint8Array(value.bytes);
  if (value instanceof DuckDBTimestampTZValue) {
    const perUnit = type.kind === 'timestamp' && type.unit === 'ms' ? 1000n : 1n;
    return Number(value.micros / perUnit);
  }
  if (value instanceof DuckDBListValue && type.kind === 'list')
    return value.items.map((item) => fromDuckDb(item, type.items.type));
  if (value instanceof DuckDBStructValue && type.kind === 'struct')
    return type.fields.map((field) => fromDuckDb(value.entries[field.name], field.type));
  return value as RowValue;
}
