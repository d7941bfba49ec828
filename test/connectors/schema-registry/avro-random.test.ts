import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { fieldsOfAvro } from '../../../connectors/formats/avro-schema.ts';
import { avroSchemaOf } from '../../../connectors/formats/avro-types.ts';
import { fieldWriter } from '../../../connectors/formats/avro-values.ts';
import { ByteWriter } from '../../../connectors/formats/byte-writer.ts';
import { coercer } from '../../../connectors/formats/coerce.ts';
import { rowReader } from '../../../connectors/formats/rows.ts';
import { anyTable } from '../formats/any-table.ts';
import { record } from '../formats/record.ts';
import { anyAvro } from './support/any-avro.ts';
import { readAvro } from './support/values.ts';

test('what avsc writes of any schema is read as it was', () => {
  fc.assert(
    fc.property(anyAvro, ({ schema, values }) => {
      const type = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: 'always' });
      for (const { written, read } of values) assert.deepEqual(readAvro(schema, type.toBuffer(written)), read);
    }),
    { numRuns: 500 },
  );
});

test('rows of any columns, written as Avro and decoded, are the same rows by the fields of that schema', () => {
  fc.assert(
    fc.property(anyTable, ([columns, values]) => {
      const schema = avroSchemaOf(columns, 'Row') as Record<string, unknown>;
      const write = fieldWriter({ type: { kind: 'struct', fields: columns }, nullable: false });
      const coerce = coercer({ type: { kind: 'struct', fields: fieldsOfAvro(schema) }, nullable: false }, '$');
      const rowOf = rowReader(columns);
      for (const value of values) {
        const row = rowOf(record(value));
        const out = new ByteWriter();
        write(row, out);
        const decoded = readAvro(schema, Buffer.concat(out.take()));
        assert.deepEqual(coerce(decoded, record(null)), row);
      }
    }),
    { numRuns: 300 },
  );
});
