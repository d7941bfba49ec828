import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { columnsOf } from '../../../connectors/formats/columns.ts';
import { rowReader } from '../../../connectors/formats/rows.ts';
import { record, rejected } from './record.ts';

/** Reads one value as a column of a type. */
const readAs = (type: string, json: string, nullable = true) =>
  rowReader(columnsOf({ columns: [{ field: 'v', type, nullable }] }))(record(`{"v":${json}}`))[0];
const refused = (type: string, json: string, message: RegExp) =>
  assert.throws(() => readAs(type, json), rejected('ROW_TYPE_MISMATCH', message), `${type} ${json}`);

test('columns are found by their path, and what is not there is null', () => {
  const read = rowReader(columnsOf({ columns: ['user.id', 'user.name', 'a', { field: ['x.y'], type: 'int32' }] }));

  assert.deepEqual(read(record({ user: { id: 7 }, 'x.y': 1 })), ['7', null, null, 1]);
  assert.deepEqual(read(record({ user: null })), [null, null, null, null]);
  assert.deepEqual(read(record(null)), [null, null, null, null], 'a record without a value');
  assert.deepEqual(read(record('null')), [null, null, null, null]);
});

test('a path through something that is no object is refused where it ends', () => {
  const read = rowReader(columnsOf({ columns: ['a.b.c'] }));
  const where = (value: unknown, message: RegExp) =>
    assert.throws(() => read(record(value)), rejected('ROW_TYPE_MISMATCH', message));

  where({ a: { b: 5 } }, /^clicks\/3: the record at offset 12 has 5 at a\.b, where an object is expected$/);
  where({ a: ['x'] }, /has \["x"\] at a, where/);
  where([1], /has \[1\] at its value, where/);
  where('"text"', /has "text" at its value, where/);
});

test('names of Object.prototype are keys like any other', () => {
  const columns = ['__proto__', 'constructor', 'a.__proto__', 'toString.length'];
  const read = rowReader(columnsOf({ columns }));

  assert.deepEqual(read(record('{"a":{}}')), [null, null, null, null]);
  assert.deepEqual(read(record('{"__proto__":1,"constructor":{"x":2},"a":{"__proto__":3},"toString":{"length":4}}')), [
    '1',
    '{"x":2}',
    '3',
    '4',
  ]);
  assert.deepEqual(readAs('struct<valueOf:json>', '{}'), [null]);
});

test('values are taken as the type of their column', () => {
  assert.equal(readAs('boolean', 'true'), true);
  assert.equal(readAs('int32', '-2147483648'), -(2 ** 31));
  assert.equal(readAs('int32', '"42"'), 42);
  assert.equal(readAs('int64', '42'), 42);
  assert.equal(readAs('int64', '"-9223372036854775808"'), -(2n ** 63n));
  assert.equal(readAs('float32', '0.5'), 0.5);
  assert.equal(readAs('float64', '-1e300'), -1e300);
  assert.equal(readAs('string', '"a"'), 'a');
  assert.deepEqual(readAs('bytes', '"aGk="'), Buffer.from('hi'));
  assert.equal(readAs('date', '"1970-01-11"'), 10);
  assert.equal(readAs('date', '-1'), -1);
  assert.equal(readAs('timestamp(ms)', '"1970-01-01T00:00:01Z"'), 1000);
  assert.equal(readAs('timestamp(us)', '1500'), 1500);
  assert.equal(readAs('decimal(9,2)', '12.5'), 1250n);
  assert.equal(readAs('decimal(9,2)', '"-12.50"'), -1250n);
  assert.equal(readAs('decimal(9,7)', '1e-7'), 1n);
  assert.equal(readAs('json', '{"a":[1, "b"]}'), '{"a":[1,"b"]}');
  assert.equal(readAs('json', '"b"'), '"b"');
  assert.deepEqual(readAs('list<int32>', '[1,null,"2"]'), [1, null, 2]);
  assert.deepEqual(readAs('struct<a:int32,b:list<string>>', '{"b":["x"],"c":0}'), [null, ['x']]);
});

test('a value of another type is refused, saying what was found and what is expected', () => {
  refused('boolean', '"true"', /has "true" at v, where boolean is expected$/);
  refused('int32', '2147483648', /has 2147483648 at v, where int32/);
  refused('int32', '1.5', /has 1\.5 at v/);
  refused('int64', '1.5', /has 1\.5 at v/);
  refused('int64', '9223372036854775808', /has 9223372036854775808 at v/);
  refused('int64', '1e400', /has Infinity at v/);
  refused('int64', '1e300', /has 1e300 at v/);
  refused('int64', '""', /has "" at v/);
  refused('float32', '1e39', /has 1e\+39 at v/);
  refused('float64', '1e400', /has Infinity at v/);
  refused('float64', '"1.5"', /has "1\.5" at v/);
  refused('string', '5', /has 5 at v, where string/);
  refused('bytes', '"a"', /has "a" at v, where bytes as base64/);
  refused('bytes', '"a*cd"', /has "a\*cd" at v/);
  refused('date', '"2023-02-29"', /has "2023-02-29" at v, where a date such as/);
  refused('timestamp(ms)', '"2024-02-29T12:00:00"', /at v, where a timestamp\(ms\) such as/);
  refused('timestamp(ms)', '1.5', /has 1\.5 at v/);
  refused('timestamp(us)', '"9999-12-31T00:00:00Z"', /at v, where a timestamp\(us\)/);
  refused('decimal(9,2)', '0.125', /has 0\.125 at v, where decimal\(9,2\)/);
  refused('decimal(3,2)', '"10.00"', /has "10\.00" at v/);
  refused('decimal(9,2)', 'true', /has true at v/);
  refused('list<int32>', '[1,true]', /has true at v\[\], where int32/);
  refused('list<int32>', '{}', /has \{\} at v, where list<int32>/);
  refused('struct<a:struct<b:int32>>', '{"a":{"b":true}}', /has true at v\.a\.b, where int32/);
  refused('struct<a:int32>', '12345678901234567890', /has 12345678901234567\d* at v, where struct/);
  refused('boolean', `"${'x'.repeat(100)}"`, /has "x{59}… at v/);
});

test('numbers beyond a double keep their digits', () => {
  const columns = [
    { field: 'i', type: 'int64' },
    { field: 'd', type: 'decimal(38,10)' },
    { field: 'j', type: 'json' },
    { field: 'l', type: 'list<int64>' },
    { field: 'f', type: 'float64' },
    { field: 'n', type: 'int32' },
    't',
  ];
  const read = rowReader(columnsOf({ columns }));

  const row = read(
    record(
      '{"i":9007199254740993,"d":1234567890123456789.0123456789,"j":{"x":[9007199254740993,1e999]},' +
        '"l":[1,-9223372036854775808],"f":0.30000000000000004,"n":1.0000000000000000,"t":9007199254740993}',
    ),
  );

  assert.deepEqual(row, [
    9007199254740993n,
    12345678901234567890123456789n,
    '{"x":[9007199254740993,1e999]}',
    [1, -(2n ** 63n)],
    0.30000000000000004,
    1,
    '9007199254740993',
  ]);
});

test('any JSON text of a number is exact in int64, decimal and json, or refused', () => {
  const digits = fc.stringMatching(/^[1-9]\d{0,24}$/);
  const fraction = fc.stringMatching(/^\d{1,12}$/);
  const columns = ['int64', 'decimal(38,12)', 'json'].map((type) => ({ name: type, field: 'v', type }));
  const [int64, decimal, json] = columns.map((column) => rowReader(columnsOf({ columns: [column] })));

  fc.assert(
    fc.property(digits, (text) => {
      const value = BigInt(text);
      if (value < 2n ** 63n) assert.equal(BigInt(int64?.(record(`{"v":${text}}`))[0] as bigint), value);
      else assert.throws(() => int64?.(record(`{"v":${text}}`)), rejected('ROW_TYPE_MISMATCH', /int64/));
    }),
  );
  fc.assert(
    fc.property(digits, fraction, (whole, rest) => {
      const text = `${whole}.${rest}`;
      assert.equal(decimal?.(record(`{"v":${text}}`))[0], BigInt(`${whole}${rest.padEnd(12, '0')}`));
      const written = json?.(record(`{"v":[${text}]}`))[0] as string;
      assert.equal(
        BigInt(
          written
            .slice(1, -1)
            .replace('.', '')
            .padEnd(whole.length + 12, '0'),
        ),
        BigInt(`${whole}${rest}`.padEnd(whole.length + 12, '0')),
      );
    }),
  );
});

test('null where a column is never null is refused, at any depth', () => {
  const missing = (type: string, json: string, message: RegExp) =>
    assert.throws(() => readAs(type, json, false), rejected('ROW_VALUE_MISSING', message));

  missing('int32', 'null', /^clicks\/3: the record at offset 12 has null at v, which is never null$/);
  missing('struct<a:int32!>', '{}', /has nothing at v\.a, which/);
  missing('list<int32!>', '[null]', /has null at v\[\], which/);
});

test('a value that is not JSON is refused', () => {
  const read = rowReader(columnsOf({ columns: ['a'] }));
  const notJson = (value: unknown, message: RegExp) =>
    assert.throws(() => read(record(value)), rejected('ROW_NOT_JSON', message));

  notJson('{"a":', /^clicks\/3: the record at offset 12 has a value that is not JSON: /);
  notJson('', /is not JSON/);
  notJson(Buffer.from('{"a":"\xff"}', 'latin1'), /is not JSON: not UTF-8$/);
  notJson(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, /nested too deeply$/);
  assert.throws(
    () => readAs('int64', `9007199254740993,"x":${'['.repeat(200_000)}${']'.repeat(200_000)}`),
    rejected('ROW_NOT_JSON', /nested too deeply$/),
  );
  assert.deepEqual(read(record('{"a":"\uFFFD é"}')), ['\uFFFD é'], 'one that was written is none that replaces');
});

test('what is known beside the value, in every type it can have', () => {
  const headers: [string, Buffer | null][] = [
    ['h', Buffer.from('1')],
    ['h', null],
  ];
  const columns = [
    { meta: 'topic' },
    { meta: 'partition' },
    { meta: 'offset' },
    { meta: 'timestamp', type: 'timestamp(us)' },
    { meta: 'key' },
    { name: 'k2', meta: 'key', type: 'bytes' },
    { meta: 'headers' },
    { name: 'h2', meta: 'headers', type: 'list<struct<name:string!,value:bytes>>' },
  ] as const;
  const read = rowReader(columnsOf({ columns }));

  const row = read(record('not read at all', { key: Buffer.from('k'), headers }));

  assert.deepEqual(row, [
    'clicks',
    3,
    12,
    1_700_000_000_000_000,
    'k',
    Buffer.from('k'),
    '[["h","1"],["h",null]]',
    [
      ['h', Buffer.from('1')],
      ['h', null],
    ],
  ]);
});

test('a key that is not what its column says is refused', () => {
  const key = Buffer.from([0xff]);
  const readKey = (column: object) => () =>
    rowReader(columnsOf({ columns: [{ meta: 'key', ...column }] }))(record('{}', { key }));

  assert.throws(readKey({}), rejected('ROW_NOT_UTF8', /has a key that is not UTF-8/));
  assert.deepEqual(readKey({ type: 'bytes' })(), [key]);
  assert.throws(
    () => rowReader(columnsOf({ columns: [{ meta: 'key', nullable: false }] }))(record('{}')),
    rejected('ROW_VALUE_MISSING', /has null at its key/),
  );
});
