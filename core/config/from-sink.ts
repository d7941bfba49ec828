import type { Definition, FromSink } from '../contract/connector.ts';
import { isMap } from './path.ts';
import { type SchemaNode, schemaTree } from './schema-tree.ts';

/** The settings of a store, and what it has from the sink. */
export function withSink(store: unknown, sink: unknown, fromSink: FromSink | undefined): unknown {
  if (fromSink === undefined || !isMap(store) || !isMap(sink) || sink.type !== store.type) return store;
  if (fromSink.unless.some((key) => store[key] !== undefined)) return store;
  const taken = fromSink.keys.filter((key) => sink[key] !== undefined).map((key) => [key, sink[key]]);
  return { ...Object.fromEntries(taken), ...store };
}

/** What a user may write: a key that the sink may give is not required. */
export function settingsTree({ settings, fromSink }: Definition<unknown>): SchemaNode {
  const tree = schemaTree(settings);
  if (fromSink === undefined) return tree;
  const { keys, unless } = fromSink;
  const fields = Object.entries(tree.properties ?? {});
  return {
    ...tree,
    description: `With a sink of the same type, keys that are left out are as the sink has them, unless ${unless.join(' or ')} is named.`,
    required: (tree.required ?? []).filter((key) => !keys.includes(key)),
    properties: Object.fromEntries(
      fields.map(([key, field]) => [key, keys.includes(key) ? { ...field, fromSink: true } : field]),
    ),
  };
}
