import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parquetFormat } from '../../../../connectors/formats/parquet/encoder.ts';
import type { ParquetSettings } from '../../../../connectors/formats/parquet/settings.ts';
import type { FormatRecord } from '../../../../connectors/formats/part-encoder.ts';
import type { Column, RowType, RowValue } from '../../../../connectors/formats/row-schema.ts';
import { anyTable, anyValue, column, FLAT_TYPES } from './arbitrary-rows.ts';
import { DuckDb, exact, readWithHyparquet } from './readers.ts';

const CODECS = ['zstd', 'snappy', 'gzip', 'none'] as const;
const NO_LIMIT = 2 ** 30;

const oneColumn = [column('n', { kind: 'int32' })];

let duckDb: DuckDb;
before(async () => {
  duckDb = await DuckDb.open();
});
after(() => duckDb.close());

interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly RowValue[])[];
}

/** A file of the table, begun; the record at offset n is its row n. */
function begin({ columns, rows }: Table, settings: Partial<ParquetSettings> = {}) {
  const rowOf = (record: FormatRecord) => rows[record.offset] ?? [];
  const encoder = parquetFormat({
    columns,
    rowOf,
    settings: { rowGroupBytes: NO_LIMIT, compression: 'zstd', ...settings },
  }).begin();
  return { encoder, add: (row: number) => encoder.add(record(row)) };
}

function record(offset: number): FormatRecord {
  return { topic: 'clicks', partition: 0, offset, timestampMs: 0, key: null, value: null, headers: [] };
}

function encode(table: Table, settings?: Partial<ParquetSettings>): Buffer {
  const { encoder, add } = begin(table, settings);
  for (const row of table.rows.keys()) add(row);
  return Buffer.concat(encoder.finish());
}

async function assertReadBack(file: Buffer, { columns, rows }: Table): Promise<void> {
  assert.deepEqual(await readWithHyparquet(file, columns), rows, 'hyparquet');
  assert.deepEqual(await duckDb.read(file, columns), rows, 'DuckDB');
}

/** As many row groups as the file says it has. */
async function rowGroupsOf(file: Buffer): Promise<number> {
  const [answer] = await duckDb.ask(file, 'SELECT num_row_groups FROM parquet_file_metadata(FILE)');
  return Number(Object.values(answer ?? {})[0]);
}

test('whatever the columns, two readers find the rows that went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTable,
      fc.integer({ min: 1, max: 4000 }),
      fc.constantFrom(...CODECS),
      async (table, bytes, codec) => {
        await assertReadBack(encode(table, { rowGroupBytes: bytes, compression: codec }), table);
      },
    ),
    { numRuns: 150 },
  );
});

for (const compression of CODECS) {
  test(`${compression}: every type comes back, from a page of many values, with nulls, without and all null`, async () => {
    const columns = FLAT_TYPES.flatMap((type, index) => [
      column(`few${index}`, type),
      column(`many${index}`, type),
      column(`all${index}`, type, false),
      column(`none${index}`, type),
    ]);
    const valuesOf = (type: RowType, nullable: boolean) =>
      fc.sample(anyValue({ type, nullable }), { numRuns: 700, seed: 7 });
    const pools = FLAT_TYPES.map((type) => ({ maybe: valuesOf(type, true), some: valuesOf(type, false) }));
    const rows = Array.from({ length: 700 }, (_, row) =>
      pools.flatMap(({ maybe, some }) => [maybe[row % 3], maybe[row], some[row], null] as RowValue[]),
    );

    const file = encode({ columns, rows }, { compression });

    await assertReadBack(file, { columns, rows });
    const codecs = await duckDb.ask(file, 'SELECT DISTINCT compression FROM parquet_metadata(FILE)');
    assert.deepEqual(codecs, [{ compression: compression === 'none' ? 'UNCOMPRESSED' : compression.toUpperCase() }]);
  });
}

test('values that fill many pages come back, also where rows repeat', async () => {
  const columns = [
    column('text', { kind: 'string' }),
    column('tags', { kind: 'list', items: column('tag', { kind: 'string' }, false) }),
  ];
  const long = 'x'.repeat(10_000);
  const rows = Array.from({ length: 400 }, (_, row) => [
    row % 7 === 0 ? null : `${row}${long}`,
    row % 5 === 0 ? [] : [`${row}`, `${row}${long}`],
  ]);

  const file = encode({ columns, rows });

  await assertReadBack(file, { columns, rows });
  const [pages] = await duckDb.ask(
    file,
    `SELECT count(*) AS n FROM parquet_metadata(FILE) WHERE total_uncompressed_size > 3e6`,
  );
  assert.deepEqual(pages, { n: '2' });
});

test('columns that repeat at first, later or always come back over many pages', async () => {
  const columns = [
    column('first', { kind: 'string' }),
    column('later', { kind: 'int64' }, false),
    column('always', { kind: 'decimal', precision: 38, scale: 2 }),
    column('each', { kind: 'int32' }),
    column('flag', { kind: 'boolean' }),
    column('tags', { kind: 'list', items: column('tag', { kind: 'string' }) }),
  ];
  const rows = Array.from({ length: 90_000 }, (_, row) => [
    row < 45_000 ? `v${row % 5}` : `value ${row}`,
    row < 2_000 ? row : row % 5,
    row % 11 === 0 ? null : BigInt((row % 7) - 3) * 10n ** 30n,
    row >> 1,
    row % 3 === 0,
    Array.from({ length: row % 4 }, (_, tag) => (tag === 2 ? null : `tag ${tag}`)),
  ]);

  const file = encode({ columns, rows });

  await assertReadBack(file, { columns, rows });
  const encodings = await duckDb.ask(file, 'SELECT encodings FROM parquet_metadata(FILE)');
  assert.deepEqual(
    encodings.map(({ encodings }) => encodings),
    ['PLAIN, RLE_DICTIONARY', 'PLAIN', 'PLAIN, RLE_DICTIONARY', 'PLAIN', 'RLE', 'PLAIN, RLE_DICTIONARY'],
  );
});

test('pages can be found by their rows', async () => {
  const table = { columns: oneColumn, rows: Array.from({ length: 50_000 }, (_, row) => [row]) };
  const file = encode(table);

  const rows = await readWithHyparquet(file, oneColumn, { rowStart: 39_998, rowEnd: 40_003 });

  assert.deepEqual(rows, table.rows.slice(39_998, 40_003));
});

test('bounds order strings as their bytes are ordered, not as JavaScript does', async () => {
  const table = { columns: [column('text', { kind: 'string' })], rows: [['\u{1f986}'], ['\uffee'], ['a']] };

  const bounds = await duckDb.ask(encode(table), 'SELECT stats_min_value, stats_max_value FROM parquet_metadata(FILE)');

  assert.deepEqual(Object.values(bounds[0] ?? {}), ['a', '\u{1f986}']);
});

test('a schema says the logical type, and nullable only where a column is', async () => {
  const columns = [
    column('text', { kind: 'string' }, false),
    column('doc', { kind: 'json' }),
    column('at', { kind: 'timestamp', unit: 'ms' }),
    column('day', { kind: 'date' }),
    column('small', { kind: 'decimal', precision: 9, scale: 2 }),
    column('middle', { kind: 'decimal', precision: 18, scale: 0 }),
    column('large', { kind: 'decimal', precision: 38, scale: 38 }),
    column('tags', { kind: 'list', items: column('tag', { kind: 'bytes' }) }, false),
  ];
  const file = encode({ columns, rows: [['', null, null, null, null, null, null, []]] });

  const elements = await duckDb.ask(
    file,
    'SELECT name, type, type_length, repetition_type, converted_type, logical_type FROM parquet_schema(FILE)',
  );

  const timestamp =
    'TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>))';
  assert.deepEqual(
    elements.map((element) => Object.values(element)),
    [
      ['schema', null, null, null, null, null],
      ['text', 'BYTE_ARRAY', null, 'REQUIRED', 'UTF8', 'StringType()'],
      ['doc', 'BYTE_ARRAY', null, 'OPTIONAL', 'JSON', 'JsonType()'],
      ['at', 'INT64', null, 'OPTIONAL', 'TIMESTAMP_MILLIS', timestamp],
      ['day', 'INT32', null, 'OPTIONAL', 'DATE', 'DateType()'],
      ['small', 'INT32', null, 'OPTIONAL', 'DECIMAL', 'DecimalType(scale=2, precision=9)'],
      ['middle', 'INT64', null, 'OPTIONAL', 'DECIMAL', 'DecimalType(scale=0, precision=18)'],
      ['large', 'FIXED_LEN_BYTE_ARRAY', '16', 'OPTIONAL', 'DECIMAL', 'DecimalType(scale=38, precision=38)'],
      ['tags', null, null, 'REQUIRED', 'LIST', 'ListType()'],
      ['list', null, null, 'REPEATED', null, null],
      ['element', 'BYTE_ARRAY', null, 'OPTIONAL', null, null],
    ],
  );
});

test('statistics tell readers the bounds of a column, but never hold JSON texts', async () => {
  const columns = [
    column('id', { kind: 'int64' }),
    column('text', { kind: 'string' }),
    column('doc', { kind: 'json' }),
  ];
  const rows = [
    [7, 'b', '"b"'],
    [exact(-(2n ** 63n)), '', '"a"'],
    [null, 'ż', null],
  ];

  const bounds = await duckDb.ask(
    encode({ columns, rows }),
    'SELECT stats_min_value, stats_max_value, stats_null_count FROM parquet_metadata(FILE)',
  );

  assert.deepEqual(
    bounds.map((each) => Object.values(each)),
    [
      ['-9223372036854775808', '7', '1'],
      ['', 'ż', '0'],
      [null, null, '1'],
    ],
  );
});

test('a column of numbers keeps -0 apart from 0, however often they repeat', async () => {
  const table = {
    columns: [column('n', { kind: 'float64' })],
    rows: Array.from({ length: 900 }, (_, n) => [n % 2 ? 0 : -0]),
  };

  await assertReadBack(encode(table), table);
});

test('a field may be called like something that every object has', async () => {
  const type: RowType = {
    kind: 'struct',
    fields: [column('__proto__', { kind: 'int32' }), column('a.b', { kind: 'int32' })],
  };
  const file = encode({ columns: [column('constructor', type)], rows: [[[1, 2]], [[3, null]]] });

  const rows = await duckDb.ask(file, `SELECT constructor['__proto__'] AS x, constructor['a.b'] AS y FROM FILE`);

  assert.deepEqual(
    rows.map((row) => Object.values(row)),
    [
      [1, 2],
      [3, null],
    ],
  );
});

test('a file of one row', async () => {
  const table = { columns: oneColumn, rows: [[7]] };

  await assertReadBack(encode(table), table);
});

/** Four rows, and how much memory two of them take. */
function fourRows() {
  const table = { columns: oneColumn, rows: [[1], [2], [3], [4]] };
  const { encoder, add } = begin(table);
  const bytesOfNone = encoder.gatheredBytes;
  add(0);
  add(1);
  return { table, bytesOfTwo: encoder.gatheredBytes - bytesOfNone };
}

test('a row group that is full with the last record is not followed by an empty one', async () => {
  const { table, bytesOfTwo } = fourRows();

  const file = encode(table, { rowGroupBytes: bytesOfTwo });

  assert.equal(await rowGroupsOf(file), 2);
  await assertReadBack(file, table);
});

test('nothing is handed out before a row group is full, then all of it', () => {
  const { table, bytesOfTwo } = fourRows();
  const { encoder, add } = begin(table, { rowGroupBytes: bytesOfTwo });

  add(0);
  assert.deepEqual(encoder.take(), []);
  add(1);
  const first = Buffer.concat(encoder.take());

  assert.equal(first.subarray(0, 4).toString(), 'PAR1');
  assert.equal(encoder.gatheredBytes, 0);
  assert.deepEqual(encoder.take(), []);
});

test('a file may end after any record and any take', async () => {
  await fc.assert(
    fc.asyncProperty(anyTable, fc.infiniteStream(fc.boolean()), async (table, takes) => {
      const { encoder, add } = begin(table, { rowGroupBytes: 200 });
      const pieces: Buffer[] = [];

      for (const row of table.rows.keys()) {
        add(row);
        if (takes.next().value) pieces.push(...encoder.take());
      }
      pieces.push(...encoder.finish());

      const file = Buffer.concat(pieces);
      assert.deepEqual(file, encode(table, { rowGroupBytes: 200 }), 'takes do not change the bytes');
      await assertReadBack(file, table);
    }),
    { numRuns: 50 },
  );
});

test('what was taken is not written to again', () => {
  const rows = Array.from({ length: 100 }, (_, row) => [row]);
  const { encoder, add } = begin({ columns: oneColumn, rows }, { rowGroupBytes: 32 });
  const pieces: { held: Buffer; copy: Buffer }[] = [];

  for (const row of rows.keys()) {
    add(row);
    pieces.push(...encoder.take().map((held) => ({ held, copy: Buffer.from(held) })));
  }
  encoder.finish();

  assert.ok(pieces.length >= 50);
  for (const { held, copy } of pieces) assert.deepEqual(held, copy);
});

test('a record that is rejected leaves nothing behind', async () => {
  const rows = [[1], [2]];
  const encoder = parquetFormat({
    columns: oneColumn,
    rowOf: ({ offset }) => {
      if (offset === 1) throw new Error('rejected: clicks/0 offset 1');
      return rows[offset] ?? [3];
    },
    settings: { rowGroupBytes: NO_LIMIT, compression: 'none' },
  }).begin();
  encoder.add(record(0));
  const before = encoder.gatheredBytes;

  assert.throws(() => encoder.add(record(1)), /offset 1/);

  assert.equal(encoder.gatheredBytes, before);
  encoder.add(record(2));
  await assertReadBack(Buffer.concat(encoder.finish()), { columns: oneColumn, rows: [[1], [3]] });
});

test('a null where none can be stops the file: it would shift all values that follow', () => {
  const { encoder, add } = begin({ columns: [column('n', { kind: 'int32' }, false)], rows: [[1], [null]] });
  add(0);

  assert.throws(() => add(1), /not nullable/);
  assert.equal(encoder.take().length, 0);
});

test('large values are not kept twice for long', async () => {
  const table = {
    columns: [column('doc', { kind: 'json' })],
    rows: Array.from({ length: 8 }, (_, row) => [`"${'x'.repeat(400_000)}${row}"`]),
  };
  const { encoder, add } = begin(table);

  for (const row of table.rows.keys()) add(row);

  assert.ok(encoder.gatheredBytes < 1_500_000, 'pages are compressed as they fill');
  await assertReadBack(Buffer.concat(encoder.finish()), table);
});

test('bytes are copied: their memory is the source’s', async () => {
  const memory = Buffer.from('first');
  const columns = [
    column('key', { kind: 'bytes' }),
    column('keys', { kind: 'list', items: column('', { kind: 'bytes' }) }),
  ];
  const { encoder, add } = begin({ columns, rows: [[memory, [memory]]] });
  add(0);

  memory.write('other');

  const first = new Uint8Array(Buffer.from('first'));
  await assertReadBack(Buffer.concat(encoder.finish()), { columns, rows: [[first, [first]]] });
});

test('gathered bytes follow what is held, and bound a row group', async () => {
  const columns = [column('text', { kind: 'string' }), column('n', { kind: 'float64' })];
  const rows = Array.from({ length: 1000 }, (_, row) => [`${row}`.padStart(1000, 'x'), row]);
  const { encoder, add } = begin({ columns, rows }, { rowGroupBytes: 100_000 });
  let most = 0;

  for (const row of rows.keys()) {
    add(row);
    most = Math.max(most, encoder.gatheredBytes);
    encoder.take();
  }

  assert.ok(most > 90_000 && most < 101_100, `${most}`);
});

test('equal rows give equal files', () => {
  fc.assert(
    fc.property(anyTable, (table) => assert.deepEqual(encode(table), encode(table))),
    { numRuns: 20 },
  );
});
