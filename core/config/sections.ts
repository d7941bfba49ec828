import { z } from 'zod';
import type { Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';
import { describeFound, ruleMessages } from './findings.ts';
import { settingsTree, withSink } from './from-sink.ts';
import { nearest } from './nearest.ts';
import { isMap, type Path, valueAt } from './path.ts';
import { checkpointSettings, pipelineSettings } from './pipeline-settings.ts';
import type { Finding } from './problem.ts';
import { type ConnectorRegistry, loadDefinition, loadDefinitions, type Role, type Roles } from './registry.ts';
import { type SchemaNode, schemaTree } from './schema-tree.ts';

/** The sections that a connector describes, and where they stand. */
const sectionPaths: Readonly<Record<Role, Path>> = {
  source: ['source'],
  sink: ['sink'],
  store: ['checkpoints', 'store'],
};

export const sectionDescriptions: Readonly<Record<Role, string>> = {
  source: 'Where records come from.',
  sink: 'Where records go.',
  store: "Where checkpoints are kept; by default in _sluice under the sink's root.",
};

/** The frame of a pipeline file; what stands in a section is checked by its connector. */
const section = z.custom<object>();
export const frameSettings = z.strictObject({
  ...pipelineSettings,
  source: section.describe(sectionDescriptions.source),
  sink: section.describe(sectionDescriptions.sink),
  checkpoints: z
    .strictObject({ ...checkpointSettings, store: section.optional().describe(sectionDescriptions.store) })
    .prefault({})
    .describe('How often the state is made durable, and where.'),
});

/** The frame's schema with the given schemas in place of the sections. */
export function frameWith(sections: Readonly<Record<Role, SchemaNode>>): SchemaNode {
  const frame = schemaTree(frameSettings);
  const { checkpoints, ...fields } = frame.properties ?? {};
  return {
    ...frame,
    properties: {
      ...fields,
      source: sections.source,
      sink: sections.sink,
      checkpoints: { ...checkpoints, properties: { ...checkpoints?.properties, store: sections.store } },
    },
  };
}

/** A section of the file, matched with the connector it names. */
export type Section<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unmatched'; readonly finding: Finding }
  | { readonly kind: 'refused'; readonly path: Path; readonly issues: z.core.$ZodIssue[]; readonly schema: SchemaNode }
  | {
      readonly kind: 'valid';
      readonly path: Path;
      readonly create: (baseDir: string) => T;
      readonly schema: SchemaNode;
    };

export type Sections = { readonly [R in Role]: Section<Roles[R]> };

export async function readSections(root: unknown, registry: ConnectorRegistry): Promise<Sections> {
  const [source, sink, store] = await Promise.all([
    readSection('source', root, registry),
    readSection('sink', root, registry),
    readSection('store', root, registry),
  ]);
  return { source, sink, store: isLent(root) && sink.kind === 'refused' ? withoutLent(store, root) : store };
}

/** Whether the store may take settings from the sink. */
function isLent(root: unknown): boolean {
  const typeOf = (role: Role) => valueAt(root, [...sectionPaths[role], 'type']);
  return typeOf('store') === typeOf('sink');
}

/** What is wrong with a setting of the sink is told there. */
function withoutLent(store: Section<Store>, root: unknown): Section<Store> {
  if (store.kind !== 'refused') return store;
  const { schema, path, issues } = store;
  const isOwn = ([key]: readonly PropertyKey[]) =>
    typeof key !== 'string' || !schema.properties?.[key]?.fromSink || valueAt(root, [...path, key]) !== undefined;
  return { ...store, issues: issues.filter((issue) => isOwn(issue.path)) };
}

async function readSection<R extends Role>(
  role: R,
  root: unknown,
  registry: ConnectorRegistry,
): Promise<Section<Roles[R]>> {
  const path = sectionPaths[role];
  const value = valueAt(root, path);
  if (value === undefined && role === 'store') return { kind: 'absent' };
  const type = isMap(value) ? value.type : undefined;
  const definition = typeof type === 'string' ? await loadDefinition(registry, role, type) : undefined;
  if (definition === undefined) {
    const known = [...(await loadDefinitions(registry, role)).keys()];
    return { kind: 'unmatched', finding: unmatched(role, value, known) };
  }
  const schema = settingsTree(definition);
  const whole = role === 'store' ? withSink(value, valueAt(root, sectionPaths.sink), definition.fromSink) : value;
  const result = definition.settings.safeParse(whole, { error: ruleMessages });
  return result.success
    ? { kind: 'valid', path, schema, create: (baseDir) => definition.create(result.data, { baseDir }) }
    : { kind: 'refused', path, schema, issues: result.error.issues };
}

/** Why no connector fits: the section is missing, has no type, or one that nobody knows. */
function unmatched(role: Role, value: unknown, known: readonly string[]): Finding {
  const path = sectionPaths[role];
  const expected = `expected a map with type ${known.join(' or ')}`;
  if (value === undefined) return { path, at: 'key', missing: true, message: `missing; ${expected}` };
  if (!isMap(value)) return { path, at: 'value', message: `${expected}, found ${describeFound(value)}` };
  const { type } = value;
  const misspelt = Object.keys(value).find((key) => nearest(key, ['type']) !== undefined);
  if (type === undefined && misspelt !== undefined) {
    return { path: [...path, misspelt], at: 'key', message: 'unknown key; did you mean type?' };
  }
  if (type === undefined) return { path, at: 'value', message: `no type; ${expected}` };
  const meant = typeof type === 'string' ? nearest(type, known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  const message = `expected the type of a ${role}: ${known.join(' or ')}, found ${describeFound(type)}${hint}`;
  return { path: [...path, 'type'], at: 'value', message };
}

/** The schema of this very file: what is known about each of its values. */
export function schemaOf(sections: Sections): SchemaNode {
  const of = (role: Role): SchemaNode => {
    const read = sections[role];
    if (read.kind === 'valid' || read.kind === 'refused') return read.schema;
    return { type: 'object', required: ['type'], properties: { type: { type: 'string' } } };
  };
  return frameWith({ source: of('source'), sink: of('sink'), store: of('store') });
}

export type Created = { readonly [R in Role]: Roles[R] | undefined };

/** Makes what the valid sections describe. What a connector refuses only now is a finding at its section. */
export function createSections({ source, sink, store }: Sections, baseDir: string): Created & { findings: Finding[] } {
  const findings: Finding[] = [];
  const create = <T>(read: Section<T>): T | undefined => {
    if (read.kind !== 'valid') return undefined;
    try {
      return read.create(baseDir);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.kind !== 'config') throw error;
      const message = error.help === undefined ? error.message : `${error.message}; ${error.help}`;
      findings.push({ path: read.path, at: 'value', message });
      return undefined;
    }
  };
  return { source: create(source), sink: create(sink), store: create(store), findings };
}
