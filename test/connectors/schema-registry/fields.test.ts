import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaProblem } from '../../../connectors/formats/schema-problem.ts';
import type { RegisteredSchema } from '../../../connectors/schema-registry/client.ts';
import { fieldsOf } from '../../../connectors/schema-registry/fields.ts';

function registered(schema: unknown, { type = 'AVRO', references = {} }: { type?: string; references?: object } = {}) {
  const list = Object.entries(references).map(([name, text]) => ({
    name,
    subject: name,
    version: 1,
    schema: JSON.stringify(text),
  }));
  return { id: 1, type, schema: JSON.stringify(schema), references: list } satisfies RegisteredSchema;
}

const problem = (path: string, message: RegExp) => (error: unknown) =>
  error instanceof SchemaProblem && error.path === path && message.test(error.message);

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [{ name: 'price', type: ['null', 'Money'] }],
};
const MONEY = { type: 'record', name: 'Money', namespace: 'shop', fields: [{ name: 'cents', type: 'long' }] };

test('fields of Avro with references are those of one schema with everything inside', () => {
  const cents = { name: 'cents', type: { kind: 'int64' }, nullable: false };

  const fields = fieldsOf(registered(ORDER, { references: { 'shop.Money': MONEY } }));

  assert.deepEqual(fields, [{ name: 'price', type: { kind: 'struct', fields: [cents] }, nullable: true }]);
  assert.deepEqual(fieldsOf(registered(MONEY)), [cents]);
});

test('fields of JSON Schema are its properties', () => {
  const schema = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };

  assert.deepEqual(fieldsOf(registered(schema, { type: 'JSON' })), [
    { name: 'id', type: { kind: 'int64' }, nullable: false },
  ]);
});

test('what columns cannot hold is refused with its path, also in what is referred to', () => {
  const withMap = { ...MONEY, fields: [{ name: 'tags', type: { type: 'map', values: 'int' } }] };
  const union = { ...ORDER, fields: [{ name: 'price', type: ['int', 'string'] }] };
  const references = { 'shop.Money': MONEY };

  assert.throws(
    () => fieldsOf(registered(ORDER, { references: { 'shop.Money': withMap } })),
    problem('shop.Money.tags', /a map/),
  );
  assert.throws(() => fieldsOf(registered(union, { references })), problem('price', /a union holds null/));
  assert.throws(
    () => fieldsOf(registered({ type: 'array', items: 'int' }, { references })),
    problem('', /expected a record/),
  );
  assert.throws(() => fieldsOf(registered('string')), problem('', /expected a schema with fields/));
  assert.throws(() => fieldsOf(registered({}, { type: 'PROTOBUF' })), problem('', /of type PROTOBUF has no columns/));
  assert.throws(() => fieldsOf({ ...registered({}), schema: '{' }), problem('', /not JSON/));
});
