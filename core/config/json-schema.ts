import { settingsTree } from './from-sink.ts';
import { type ConnectorRegistry, loadDefinitions, type Role } from './registry.ts';
import { mapNodes, type SchemaNode } from './schema-tree.ts';
import { frameWith, sectionDescriptions } from './sections.ts';

/** Per role, the settings of each connector that can play it, by type name. */
export type ConnectorSchemas = Readonly<Record<Role, ReadonlyMap<string, SchemaNode>>>;

export async function connectorSchemas(registry: ConnectorRegistry): Promise<ConnectorSchemas> {
  const of = async (role: Role) => {
    const definitions = await loadDefinitions(registry, role);
    return new Map([...definitions].map(([type, definition]) => [type, settingsTree(definition)]));
  };
  return { source: await of('source'), sink: await of('sink'), store: await of('store') };
}

/** JSON Schema (draft 2020-12) of a pipeline file, for editors; the connectors of a section are told apart by `type`. */
export function jsonSchema(schemas: ConnectorSchemas): object {
  const section = (role: Role): SchemaNode => ({
    description: sectionDescriptions[role],
    oneOf: [...schemas[role].values()],
  });
  const file = frameWith({ source: section('source'), sink: section('sink'), store: section('store') });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Sluice pipeline',
    ...mapNodes(file, allowReference),
  };
}

/** Any string may be a reference that is filled in later; an editor must not underline it. */
function allowReference(node: SchemaNode): SchemaNode {
  return node.pattern === undefined ? node : { ...node, pattern: `(?:${node.pattern})|\\$\\{(?:env|file):` };
}
