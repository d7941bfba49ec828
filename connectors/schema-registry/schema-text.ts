import { SchemaProblem } from '../formats/schema-problem.ts';
import type { RegisteredSchema } from './client.ts';

/** The JSON of a schema. Throws `SchemaProblem` at `path`. */
export function parseSchema(text: string, path = ''): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SchemaProblem(path, `not JSON: ${(error as Error).message}`);
  }
}

/** The JSON of what a schema refers to, by the names that it has there. Throws `SchemaProblem`. */
export function parseReferences({ references }: RegisteredSchema): { name: string; schema: unknown }[] {
  return references.map(({ name, schema }) => ({ name, schema: parseSchema(schema, name) }));
}
