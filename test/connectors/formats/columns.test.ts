import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { checkColumnSettings, columnSettings, columnsOf } from '../../../connectors/formats/columns.ts';
import { formatRowType } from '../../../connectors/formats/row-type.ts';

const schema = z.strictObject(columnSettings).superRefine(checkColumnSettings);
const columns = (input: unknown) => columnsOf(schema.parse(input));
const issuesOf = (input: unknown) =>
  schema.safeParse(input).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
/** `user.id int64!`: name, type and whether it may be null. */
const brief = (input: unknown) =>
  columns(input).map(({ name, type, nullable }) => `${name} ${formatRowType(type)}${nullable ? '' : '!'}`);

test('a path alone is a nullable column of that name which takes any JSON as text', () => {
  assert.deepEqual(columns({ columns: ['user.id'] }), [
    { name: 'user.id', type: { kind: 'string' }, nullable: true, from: { path: ['user', 'id'], anyAsText: true } },
  ]);
});

test('a column with a type takes nothing else, and says its name and whether it may be null', () => {
  assert.deepEqual(columns({ columns: [{ name: 'id', field: ['a.b', 'c'], type: 'int64', nullable: false }] }), [
    { name: 'id', type: { kind: 'int64' }, nullable: false, from: { path: ['a.b', 'c'] } },
  ]);
  assert.deepEqual(columns({ columns: [{ name: 'all', field: '$', type: 'json' }] })[0]?.from, { path: [] });
});

test('meta columns have the type of what they hold, and are null only where it may be', () => {
  const metas = ['topic', 'partition', 'offset', 'timestamp', 'key', 'headers'];

  assert.deepEqual(brief({ columns: metas.map((meta) => ({ meta })) }), [
    'topic string!',
    'partition int32!',
    'offset int64!',
    'timestamp timestamp(ms)!',
    'key string',
    'headers json!',
  ]);
  assert.match(
    issuesOf({ columns: [{ meta: 'offset', type: 'string' }] }).join(),
    /^columns.0.type: offset may be int64, not string$/,
  );
});

test('an entry is a field or a meta, no two have one name, and there is at least one', () => {
  assert.deepEqual(issuesOf({ columns: [{ type: 'int64' }] }), ['columns.0: expected either field or meta']);
  assert.deepEqual(issuesOf({ columns: [{ field: 'a', meta: 'key' }] }), ['columns.0: expected either field or meta']);
  assert.deepEqual(issuesOf({ columns: ['a', { name: 'a', meta: 'key' }] }), [
    'columns.1: a second column a; give one of them another name',
  ]);
  assert.deepEqual(issuesOf({}), ['columns: expected columns, or a schema to take them from']);
});

test('a type that cannot be read is named with its place', () => {
  assert.deepEqual(issuesOf({ columns: ['a', { field: 'b', type: 'struct<a:int46>' }] }), [
    'columns.1.type: unknown type int46; did you mean int64?, at position 10 (int46>) of struct<a:int46>',
  ]);
});

test('columns of an Avro schema follow those that are written out', () => {
  const avro = {
    type: 'record',
    name: 'Click',
    namespace: 'shop',
    fields: [
      { name: 'id', type: 'long' },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
      { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
      { name: 'tags', type: { type: 'array', items: ['string', 'null'] } },
      { name: 'from', type: { type: 'record', name: 'Place', fields: [{ name: 'x', type: 'double' }] } },
      { name: 'to', type: ['null', 'Place'] },
      { name: 'uuid', type: { type: 'string', logicalType: 'uuid' } },
      { name: 'sum', type: { type: 'fixed', name: 'Sum', size: 8 } },
      { name: 'again', type: 'shop.Kind' },
    ],
  };

  assert.deepEqual(brief({ columns: [{ meta: 'offset' }], schema: JSON.stringify(avro) }), [
    'offset int64!',
    'id int64!',
    'at timestamp(us)!',
    'day date',
    'price decimal(9,2)!',
    'kind string!',
    'tags list<string>!',
    'from struct<x:float64!>!',
    'to struct<x:float64!>',
    'uuid string!',
    'sum bytes!',
    'again string!',
  ]);
});

test('columns of a JSON Schema', () => {
  const json = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['id', 'user', 'note'],
    properties: {
      id: { type: 'integer' },
      score: { type: 'number' },
      at: { type: 'string', format: 'date-time' },
      day: { type: 'string', format: 'date' },
      raw: { type: 'string', contentEncoding: 'base64' },
      ok: { type: 'boolean' },
      user: { $ref: '#/$defs/user' },
      tags: { type: 'array', items: { type: 'string' } },
      note: { type: ['string', 'null'] },
      maybe: { anyOf: [{ type: 'null' }, { type: 'integer' }] },
      free: {},
      open: { type: 'object' },
    },
    $defs: { user: { properties: { name: { type: 'string' } } } },
  };

  assert.deepEqual(brief({ schema: json }), [
    'id int64!',
    'score float64',
    'at timestamp(ms)',
    'day date',
    'raw bytes',
    'ok boolean',
    'user struct<name:string>!',
    'tags list<string!>',
    'note string',
    'maybe int64',
    'free json',
    'open json',
  ]);
});

test('what no column can hold is refused with its path', () => {
  const avro = (type: unknown) =>
    issuesOf({ schema: { type: 'record', name: 'R', fields: [{ name: 'a', type: { type: 'array', items: type } }] } });
  const json = (property: unknown) => issuesOf({ schema: { type: 'object', properties: { a: property } } });

  assert.match(avro({ type: 'map', values: 'int' }).join(), /^schema: a\[\]: a map has no fixed fields/);
  assert.match(avro(['int', 'string']).join(), /^schema: a\[\]: a union holds null and one other type/);
  assert.match(avro('R').join(), /^schema: a\[\]: R contains itself/);
  assert.match(avro('Unknown').join(), /^schema: a\[\]: unknown type Unknown/);
  assert.match(
    avro({ type: 'bytes', logicalType: 'decimal', precision: 40 }).join(),
    /^schema: a\[\]: expected a precision from 1 to 38, found 40/,
  );
  assert.match(json({ type: ['integer', 'string'] }).join(), /^schema: a: a column is null or of one type/);
  assert.match(json({ $ref: '#' }).join(), /^schema: a(\.a)*: # contains itself/);
  assert.match(json({ $ref: '#/$defs/none' }).join(), /^schema: a: #\/\$defs\/none leads nowhere/);
  assert.match(json({ allOf: [] }).join(), /^schema: a: allOf is not read/);
  assert.match(issuesOf({ schema: '{' }).join(), /^schema: not JSON/);
  assert.match(issuesOf({ schema: { type: 'string' } }).join(), /^schema: expected an object with properties/);
});
