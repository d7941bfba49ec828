import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';
import { parquetFormat } from '../../connectors/formats/parquet/encoder.ts';
import type { ParquetSettings } from '../../connectors/formats/parquet/settings.ts';
import type { Column, RowType } from '../../connectors/formats/row-schema.ts';
import type { Program } from './measured.ts';

interface Event {
  readonly id: number;
  readonly user: string;
  readonly country: string;
  readonly price: number;
  readonly active: boolean;
  readonly at: number;
}

/** What a row group of the default size holds of these events, or all of them; both programs write such. */
const ROWS_PER_GROUP = 1_000_000;
const ROW_GROUP_BYTES = 32 * 1024 * 1024;

const CODECS = { zstd: 'ZSTD', snappy: 'SNAPPY', gzip: 'GZIP', none: 'UNCOMPRESSED' } as const;

function columnOf(name: keyof Event, type: RowType): Column {
  return { name, type, nullable: true, from: { path: [name] } };
}

const COLUMNS: readonly Column[] = [
  columnOf('id', { kind: 'int64' }),
  columnOf('user', { kind: 'string' }),
  columnOf('country', { kind: 'string' }),
  columnOf('price', { kind: 'float64' }),
  columnOf('active', { kind: 'boolean' }),
  columnOf('at', { kind: 'timestamp', unit: 'ms' }),
];

/** JSON.parse, plain arrays, and one call of the library for each row group: as little as one can do. */
export const encodeWithLibrary: Program = function* (values, compression) {
  const schema: SchemaElement[] = [
    { name: 'schema', num_children: 6 },
    { name: 'id', type: 'INT64', repetition_type: 'OPTIONAL' },
    { name: 'user', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'country', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'price', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
    { name: 'active', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
    { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'OPTIONAL' },
  ];
  const compressors = {
    ZSTD: (page: Uint8Array) => zstdCompressSync(page, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
    GZIP: (page: Uint8Array) => gzipSync(page),
  };
  let [id, user, country, price, active, at] = emptyColumns();
  const rowGroup = () => {
    const columnData = [
      { name: 'id', data: id },
      { name: 'user', data: user },
      { name: 'country', data: country },
      { name: 'price', data: price },
      { name: 'active', data: active },
      { name: 'at', data: at },
    ];
    const rowGroupSize = ROWS_PER_GROUP;
    [id, user, country, price, active, at] = emptyColumns();
    return new Uint8Array(
      parquetWriteBuffer({ columnData, schema, codec: CODECS[compression], compressors, rowGroupSize }),
    );
  };
  for (const value of values) {
    const event = JSON.parse(value.toString()) as Event;
    id.push(BigInt(event.id));
    user.push(event.user);
    country.push(event.country);
    price.push(event.price);
    active.push(event.active);
    at.push(event.at);
    if (id.length === ROWS_PER_GROUP) yield rowGroup();
  }
  if (id.length > 0) yield rowGroup();
};

function emptyColumns(): [bigint[], string[], string[], number[], boolean[], number[]] {
  return [[], [], [], [], [], []];
}

/** The format as a sink uses it. */
export const encodeWithSluice: Program = function* (values, compression) {
  const settings: ParquetSettings = { rowGroupBytes: ROW_GROUP_BYTES, compression };
  const encoder = parquetFormat({
    columns: COLUMNS,
    rowOf: ({ value }) => {
      const event = JSON.parse(value?.toString() ?? '') as Event;
      return [event.id, event.user, event.country, event.price, event.active, event.at];
    },
    settings,
  }).begin();
  const record = { topic: 'events', partition: 0, timestampMs: 0, key: null, headers: [] };
  let offset = 0;
  for (const value of values) {
    encoder.add({ ...record, offset, value });
    offset += 1;
    if (offset % 1000 === 0) yield* encoder.take();
  }
  yield* encoder.finish();
};
