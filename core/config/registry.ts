import type { z } from 'zod';
import type { Connector, Definition } from '../contract/connector.ts';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';

/** Type name -> loader. Loading is lazy: a pipeline pays only for the connectors it names. */
export type ConnectorRegistry = Readonly<Record<string, () => Promise<Connector>>>;

/** What a section of the file can be made into. */
export interface Roles {
  source: Source;
  sink: Sink;
  store: Store;
}
export type Role = keyof Roles;

/** The definition of connector `type` in this role; undefined when there is no such connector, or it cannot play the role. */
export async function loadDefinition<R extends Role>(
  registry: ConnectorRegistry,
  role: R,
  type: string,
): Promise<Definition<Roles[R], z.ZodType> | undefined> {
  if (!Object.hasOwn(registry, type)) return undefined;
  const connector = await (registry[type] as ConnectorRegistry[string])();
  return connector[role] as Definition<Roles[R], z.ZodType> | undefined;
}

/** Every definition for a role, by type name. Loads all connectors: for messages, schema and docs. */
export async function loadDefinitions(
  registry: ConnectorRegistry,
  role: Role,
): Promise<Map<string, Definition<unknown>>> {
  const definitions = new Map<string, Definition<unknown>>();
  for (const type of Object.keys(registry).toSorted()) {
    const definition = await loadDefinition(registry, role, type);
    if (definition !== undefined) definitions.set(type, definition as Definition<unknown>);
  }
  return definitions;
}
