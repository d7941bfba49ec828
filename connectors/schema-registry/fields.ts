import { fieldsOfAvro } from '../formats/avro-schema.ts';
import { fieldsOfJsonSchema } from '../formats/json-schema.ts';
import type { RowField } from '../formats/row-schema.ts';
import { isMap, SchemaProblem } from '../formats/schema-problem.ts';
import type { RegisteredSchema } from './client.ts';
import { parseReferences, parseSchema } from './schema-text.ts';

/** The fields of a registered schema, as columns hold them. Throws `SchemaProblem` with the path of what they cannot hold. */
export function fieldsOf(registered: RegisteredSchema): RowField[] {
  const { type } = registered;
  if (type !== 'AVRO' && type !== 'JSON') throw new SchemaProblem('', `a schema of type ${type} has no columns`);
  const schema = parseSchema(registered.schema);
  if (!isMap(schema)) throw new SchemaProblem('', 'expected a schema with fields');
  if (type === 'JSON') return fieldsOfJsonSchema(schema);
  if (registered.references.length === 0) return fieldsOfAvro(schema);
  // A name is known behind its definition: with all of them fields of one record, the last one is the schema itself.
  const references = parseReferences(registered).map(({ name, schema }) => ({ name, type: schema }));
  const fields = fieldsOfAvro({ type: 'record', name: 'all', fields: [...references, { name: '', type: schema }] });
  const itself = fields.at(-1)?.type;
  if (itself?.kind !== 'struct') throw new SchemaProblem('', 'expected a record');
  return [...itself.fields];
}
