import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { type ColumnSettings, columnsOf } from '../../../connectors/formats/columns.ts';
import { type CsvSettings, checkCsvSettings, csvFormat, csvSettings } from '../../../connectors/formats/csv.ts';
import { duckDb } from '../../testing/duckdb.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { record, rejected } from './record.ts';

const schema = z.strictObject(csvSettings).superRefine(checkCsvSettings);
const issuesOf = (csv: unknown) =>
  schema.safeParse({ csv }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
const formatOf = (columns: NonNullable<ColumnSettings['columns']>, csv = {}) =>
  csvFormat(columnsOf({ columns }), schema.parse({ csv }).csv as CsvSettings);

/** The bytes of a file with one record per value. */
function fileOf(columns: NonNullable<ColumnSettings['columns']>, values: readonly unknown[], csv = {}): Buffer {
  const part = formatOf(columns, csv).begin();
  for (const value of values) part.add(record(value));
  return Buffer.concat(part.finish());
}
const textOf = (...args: Parameters<typeof fileOf>) => fileOf(...args).toString();

const string = (name: string) => ({ field: name, type: 'string' });
/** Texts that mean something to a reader of CSV, among any other. */
const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'a', '=', "'", ';', '\t', 'NULL', 'é', '𝄞') }),
  fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed().replaceAll('\0', '')),
);
const rows = fc.array(fc.tuple(fc.option(cell), fc.option(cell)), { minLength: 1, maxLength: 200 });
const layout = fc.record({
  delimiter: fc.constantFrom(',', ';', '|', '\t', ']', '^', '\\'),
  quote: fc.constantFrom('minimal', 'all'),
  null: fc.constantFrom('', 'NULL', 'a'),
  newline: fc.constantFrom('lf', 'crlf'),
});
const objects = (pairs: readonly (readonly [string | null, string | null])[]) => pairs.map(([a, b]) => ({ a, b }));

test('a file begins with the names of its columns, and an empty text is not null', () => {
  assert.equal(textOf([string('a'), 'b'], [{ a: '', b: 'x' }, { a: null }]), 'a,b\n"",x\n,\n');
  assert.equal(textOf([string('a'), 'b'], [{ a: '' }], { null: 'NULL', header: false }), ',NULL\n');
  assert.equal(textOf(['a', 'b,"'], [{ a: 'NULL' }], { null: 'NULL', newline: 'crlf' }), 'a,"b,"""\r\n"NULL",NULL\r\n');
  assert.equal(textOf(['a', { field: 'n', type: 'int32' }], [{ n: 1 }], { quote: 'all' }), '"a","n"\n,"1"\n');
});

test('the values of every type as text', () => {
  const columns = [
    { field: 'b', type: 'boolean' },
    { field: 'i', type: 'int64' },
    { field: 'f', type: 'float64' },
    { field: 'm', type: 'decimal(9,2)' },
    { field: 'y', type: 'bytes' },
    { field: 'd', type: 'date' },
    { field: 't', type: 'timestamp(ms)' },
    { field: 'j', type: 'json' },
    { field: 'l', type: 'list<struct<n:decimal(9,2),t:timestamp(us),s:string,b:bytes,i:int64,j:json>>' },
    { meta: 'offset' },
  ] as const;
  const l = '[{"n":1.5,"t":0,"s":"q\\"","b":"aGk=","i":9007199254740993,"j":{"k":[1]}},null]';

  const text = textOf(
    columns,
    [`{"b":true,"i":-9223372036854775808,"f":1e21,"m":-0.05,"y":"aGk=","d":19782,"t":0,"j":"5","l":${l}}`],
    { header: false, delimiter: ';' },
  );

  assert.equal(
    text,
    'true;-9223372036854775808;1e+21;-0.05;aGk=;2024-02-29;1970-01-01T00:00:00.000Z;"""5""";' +
      '"[{""n"":1.50,""t"":""1970-01-01T00:00:00.000000Z"",""s"":""q\\"""",""b"":""aGk="",""i"":9007199254740993,' +
      '""j"":{""k"":[1]}},null]";12\n',
  );
});

test('the guard keeps spreadsheets from taking texts for formulas, and leaves numbers alone', () => {
  const columns = [string('s'), { field: 'n', type: 'int64' }, { field: 'j', type: 'json' }] as const;
  const values = ['=1', '+1', '-1', '@a', '\tx', '\rx', 'a=1', ''].map((s) => ({ s, n: -1, j: -1 }));

  assert.equal(
    textOf(columns, values, { header: false, formulaGuard: true }),
    "'=1,-1,-1\n'+1,-1,-1\n'-1,-1,-1\n'@a,-1,-1\n'\tx,-1,-1\n\"'\rx\",-1,-1\na=1,-1,-1\n\"\",-1,-1\n",
  );
  assert.equal(textOf(columns, values.slice(0, 1), { header: false }), '=1,-1,-1\n');
});

test('a record that does not fit leaves nothing in the file', () => {
  const part = formatOf([{ field: 'n', type: 'int64' }, 'a']).begin();

  assert.throws(() => part.add(record({ n: 'x', a: 'y' })), rejected('ROW_TYPE_MISMATCH', /offset 12/));
  assert.equal(part.gatheredBytes, 0);
  part.add(record({ n: 1, a: 'y' }));
  assert.equal(part.gatheredBytes, 8);
  assert.equal(Buffer.concat(part.take()).toString(), 'n,a\n1,y\n');
  part.add(record({ n: 2 }));
  assert.equal(Buffer.concat(part.finish()).toString(), '2,\n');
  assert.equal(part.gatheredBytes, 0);
});

test('settings that could not be read back are refused', () => {
  assert.match(issuesOf({ delimiter: '"' }).join(), /^csv.delimiter: expected one character/);
  assert.match(issuesOf({ delimiter: '::' }).join(), /^csv.delimiter: expected one character/);
  assert.match(issuesOf({ delimiter: '5' }).join(), /^csv.delimiter: expected one character/);
  assert.match(issuesOf({ null: 'a"b' }).join(), /^csv.null: a quote or a newline/);
  assert.match(issuesOf({ null: 'a,b' }).join(), /^csv.null: the delimiter cannot be/);
  assert.throws(() => formatOf(['a']), { kind: 'config', code: 'CSV_EMPTY_LINES' });
  formatOf(['a'], { null: 'NULL' });
  formatOf([{ field: 'a', nullable: false }]);
});

test('DuckDB reads back any texts, and tells null from empty', async (t) => {
  const path = join(await temporaryDirectory(t), 'part.csv');
  const query = await duckDb(t);

  await fc.assert(
    fc.asyncProperty(rows, layout, async (pairs, csv) => {
      writeFileSync(path, fileOf([string('a'), string('b')], objects(pairs), csv));
      const options = `header = true, delim = '${csv.delimiter}', quote = '"', escape = '"', nullstr = '${csv.null}'`;
      const read = await query(
        `SELECT a, b FROM read_csv('${path}', ${options}, all_varchar = true, auto_detect = false, ` +
          `columns = {'a': 'VARCHAR', 'b': 'VARCHAR'}, allow_quoted_nulls = false, new_line = '${csv.newline === 'lf' ? '\\n' : '\\r\\n'}')`,
      );
      assert.deepEqual(read, objects(pairs));
    }),
    { numRuns: 60 },
  );
});

const python = spawnSync('python3', ['--version']).status === 0;
test('Python reads back any texts', { skip: python ? false : 'there is no python3' }, () => {
  const script =
    'import csv, io, json, sys\n' +
    'for line in sys.stdin:\n' +
    '  text, delimiter = json.loads(line)\n' +
    '  print(json.dumps(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))))\n';
  const cases = fc.sample(fc.tuple(rows, layout), 60);
  const input = cases.map(([pairs, csv]) =>
    JSON.stringify([textOf([string('a'), string('b')], objects(pairs), csv), csv.delimiter]),
  );

  const output = execFileSync('python3', ['-c', script], { input: input.join('\n'), encoding: 'utf8' });

  const read = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const [index, [pairs, csv]] of cases.entries())
    assert.deepEqual(read[index], [['a', 'b'], ...pairs.map((pair) => pair.map((text) => text ?? csv.null))]);
});
