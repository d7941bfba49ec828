import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { RowType, RowValue } from '../../../../connectors/formats/row-schema.ts';
import { anyTable, anyValue, column, FLAT_TYPES } from './arbitrary-rows.ts';
import { assertReadBack, encode, type Table } from './files.ts';
import { readWithPyarrow, whyNoPyarrow } from './pyarrow.ts';
import { DuckDb, exact, readWithHyparquet } from './readers.ts';

const CODECS = ['zstd', 'snappy', 'gzip', 'none'] as const;

let duckDb: DuckDb;
before(async () => {
  duckDb = await DuckDb.open();
});
after(() => duckDb.close());

test('whatever the columns, two readers find the rows that went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTable,
      fc.integer({ min: 1, max: 4000 }),
      fc.constantFrom(...CODECS),
      async (table, bytes, codec) => {
        await assertReadBack(encode(table, { rowGroupBytes: bytes, compression: codec }), table, duckDb);
      },
    ),
    { numRuns: 150 },
  );
});

/** All flat types: few different values, many, none null, all null. */
function tableOfAllTypes(): Table {
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
  return { columns, rows };
}

for (const compression of CODECS) {
  test(`${compression}: every type comes back, with nulls, without and all null`, async () => {
    const table = tableOfAllTypes();

    const file = encode(table, { compression });

    await assertReadBack(file, table, duckDb);
    const codecs = await duckDb.ask(file, 'SELECT DISTINCT compression FROM parquet_metadata(FILE)');
    assert.deepEqual(codecs, [{ compression: compression === 'none' ? 'UNCOMPRESSED' : compression.toUpperCase() }]);
  });
}

test('pyarrow reads the same', (t) => {
  const why = whyNoPyarrow();
  if (why !== undefined) return t.skip(why);
  const tables = [tableOfAllTypes(), ...fc.sample(anyTable, { numRuns: 20, seed: 11 })];

  for (const compression of CODECS)
    for (const table of tables) {
      const file = encode(table, { compression, rowGroupBytes: 50_000 });
      assert.deepEqual(readWithPyarrow(file, table.columns), table.rows);
    }
});

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

  await assertReadBack(file, { columns, rows }, duckDb);
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

  await assertReadBack(file, { columns, rows }, duckDb);
  const encodings = await duckDb.ask(file, 'SELECT encodings FROM parquet_metadata(FILE)');
  assert.deepEqual(
    encodings.map(({ encodings }) => encodings),
    ['PLAIN, RLE_DICTIONARY', 'PLAIN', 'PLAIN, RLE_DICTIONARY', 'PLAIN', 'RLE', 'PLAIN, RLE_DICTIONARY'],
  );
});

test('pages can be found by their rows', async () => {
  const table = { columns: [column('n', { kind: 'int32' })], rows: Array.from({ length: 50_000 }, (_, row) => [row]) };
  const file = encode(table);

  const rows = await readWithHyparquet(file, table.columns, { rowStart: 39_998, rowEnd: 40_003 });

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

  await assertReadBack(encode(table), table, duckDb);
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
