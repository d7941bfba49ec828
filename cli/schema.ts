import { registry } from '../connectors/registry.ts';
import { connectorSchemas, jsonSchema } from '../core/config/json-schema.ts';

/** `sluice schema`: JSON Schema of a pipeline file, for editors. */
export async function schema(): Promise<string> {
  return JSON.stringify(jsonSchema(await connectorSchemas(registry)), null, 2);
}
