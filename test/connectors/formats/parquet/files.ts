// Files of tables, and whether readers find in them what went in.
import assert from 'node:assert/strict';
import { parquetFormat } from '../../../../connectors/formats/parquet/encoder.ts';
import type { ParquetSettings } from '../../../../connectors/formats/parquet/settings.ts';
import type { FormatRecord } from '../../../../connectors/formats/part-encoder.ts';
import type { Column, RowValue } from '../../../../connectors/formats/row-schema.ts';
import { type DuckDb, readWithHyparquet } from './readers.ts';

export const NO_LIMIT = 2 ** 30;

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly RowValue[])[];
}

/** A file of the table, begun; the record at offset n is its row n. */
export function begin({ columns, rows }: Table, settings: Partial<ParquetSettings> = {}) {
  const rowOf = (record: FormatRecord) => rows[record.offset] ?? [];
  const encoder = parquetFormat({
    columns,
    rowOf,
    settings: { rowGroupBytes: NO_LIMIT, compression: 'zstd', ...settings },
  }).begin();
  return { encoder, add: (row: number) => encoder.add(record(row)) };
}

export function record(offset: number): FormatRecord {
  return { topic: 'clicks', partition: 0, offset, timestampMs: 0, key: null, value: null, headers: [] };
}

export function encode(table: Table, settings?: Partial<ParquetSettings>): Buffer {
  const { encoder, add } = begin(table, settings);
  for (const row of table.rows.keys()) add(row);
  return Buffer.concat(encoder.finish());
}

export async function assertReadBack(file: Buffer, { columns, rows }: Table, duckDb: DuckDb): Promise<void> {
  assert.deepEqual(await readWithHyparquet(file, columns), rows, 'hyparquet');
  assert.deepEqual(await duckDb.read(file, columns), rows, 'DuckDB');
}
