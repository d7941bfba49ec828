import { z } from 'zod';
import type { Path } from './path.ts';

/** The parts of a JSON Schema that this folder reads; `unit`, `secret` and those after it are our own marks. */
export interface SchemaNode {
  readonly pattern?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly unit?: 'duration' | 'size';
  readonly secret?: boolean;
  readonly inCodeOnly?: boolean;
  readonly fromSink?: boolean;
}

/** What a user may write, as JSON Schema (draft 2020-12), without what only code can pass. */
export function schemaTree(schema: z.ZodType): SchemaNode {
  const { $schema: _dialect, ...tree } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return withoutCode(tree as SchemaNode);
}

/** The tree with `change` applied to every node, the innermost first. */
export function mapNodes(node: SchemaNode, change: (node: SchemaNode) => SchemaNode): SchemaNode {
  const inner = (child: SchemaNode) => mapNodes(child, change);
  const { properties, additionalProperties, items, anyOf, oneOf } = node;
  return change({
    ...node,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, field]) => [key, inner(field)])),
    }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
    ...(items && { items: inner(items) }),
    ...(anyOf && { anyOf: anyOf.map(inner) }),
    ...(oneOf && { oneOf: oneOf.map(inner) }),
  });
}

/** Leaves out fields and variants marked `inCodeOnly`: a function has no form in YAML. */
function withoutCode(tree: SchemaNode): SchemaNode {
  const inFile = (node: SchemaNode) => node.inCodeOnly !== true;
  return mapNodes(tree, ({ properties, anyOf, oneOf, ...rest }) => ({
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).filter(([, field]) => inFile(field))),
    }),
    ...(anyOf && { anyOf: anyOf.filter(inFile) }),
    ...(oneOf && { oneOf: oneOf.filter(inFile) }),
  }));
}

/** A node and everything it may be instead. */
export function alternatives(node: SchemaNode): SchemaNode[] {
  const nested = node.anyOf ?? node.oneOf;
  return nested === undefined ? [node] : nested.flatMap(alternatives);
}

/** Every schema that speaks about the value at `path`; several where the schema offers alternatives on the way. */
export function nodesAt(root: SchemaNode, path: Path): SchemaNode[] {
  let nodes = [root];
  for (const step of path) {
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      const { additionalProperties: rest } = node;
      const next =
        typeof step === 'number'
          ? node.items
          : (node.properties?.[step] ?? (typeof rest === 'object' ? rest : undefined));
      return next === undefined ? [] : [next];
    });
  }
  return nodes;
}

/** The keys that a map at `path` may have. */
export function keysAt(root: SchemaNode, path: Path): string[] {
  const maps = nodesAt(root, path).flatMap(alternatives);
  return [...new Set(maps.flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** Whether the value at `path` must never be shown: it, or something around it, is marked secret. */
export function isSecret(root: SchemaNode, path: Path): boolean {
  for (let depth = 1; depth <= path.length; depth++) {
    const nodes = nodesAt(root, path.slice(0, depth));
    // The mark may sit on a union or on one of its members.
    if (nodes.some((node) => node.secret === true || alternatives(node).some((one) => one.secret === true)))
      return true;
  }
  return false;
}

/** Paths of every setting called `key`, wherever it is: for a key written at the wrong level. */
export function pathsOfKey(root: SchemaNode, key: string, above: Path = []): Path[] {
  const paths: Path[] = [];
  for (const node of alternatives(root)) {
    for (const [name, field] of Object.entries(node.properties ?? {})) {
      const path = [...above, name];
      if (name === key) paths.push(path);
      paths.push(...pathsOfKey(field, key, path));
    }
  }
  return paths;
}

/** What may stand at a place, in words: `earliest, latest or a map with timestamp`. */
export function describeExpected(nodes: readonly SchemaNode[], describe = describeOne): string {
  return listed([...new Set(nodes.flatMap(alternatives).flatMap(describe))], 'or');
}

function listed(words: readonly string[], conjunction: 'and' | 'or'): string {
  const last = words.at(-1) ?? 'nothing';
  return words.length <= 1 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** The fixed words that may stand at a place. */
export function constantsOf(nodes: readonly SchemaNode[]): string[] {
  const values = nodes.flatMap(alternatives).flatMap((node) => node.enum ?? ('const' in node ? [node.const] : []));
  return values.filter((value) => typeof value === 'string');
}

/** The words for a node that has no alternatives: one, or each of its constants. */
export function describeOne(node: SchemaNode): string[] {
  if (node.enum !== undefined) return node.enum.map(String);
  if ('const' in node) return [String(node.const)];
  if (node.unit === 'duration') return ['a duration such as 500ms, 10s, 5m or 1h'];
  if (node.unit === 'size') return ['a size such as 64KiB, 128MiB or 1GiB'];
  switch (node.type) {
    case 'string':
      return ['a string'];
    case 'integer':
      return ['a whole number'];
    case 'number':
      return ['a number'];
    case 'boolean':
      return ['true or false'];
    case 'array':
      return [node.items?.type === 'string' ? 'a list of strings' : 'a list'];
    case 'object':
      return [
        node.required === undefined || node.required.length === 0
          ? 'a map'
          : `a map with ${listed(node.required, 'and')}`,
      ];
    default:
      return ['a value'];
  }
}
