import { z } from 'zod';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';
import { describeFound, type Examined, findingsOf, ruleMessages } from './findings.ts';
import { nearest } from './nearest.ts';
import { isMap, type Path, pathKey, valueAt } from './path.ts';
import { checkpointSettings, pipelineSettings } from './pipeline-settings.ts';
import { type Finding, formatProblem, invalidFile, placed } from './problem.ts';
import { configHash, redact, textRedactor } from './redact.ts';
import { type ConnectorRegistry, loadDefinition, loadDefinitions, type Role, type Roles } from './registry.ts';
import { isSecret, type SchemaNode, schemaTree } from './schema-tree.ts';
import { type Surroundings, substitute } from './substitute.ts';
import { readYaml, type YamlText } from './yaml-text.ts';

export interface ParseContext extends Surroundings {
  /** How the user calls the file: it starts every message. */
  readonly file: string;
  /** Relative paths in the settings start here: the folder of the file. */
  readonly baseDir: string;
  readonly registry: ConnectorRegistry;
}

/** A pipeline file whose every part is valid, and what was made of it. Nothing is connected yet. */
export interface PipelineFile {
  /** What `pipeline()` takes. */
  readonly options: PipelineFileOptions;
  /** The settings as written, references filled in and secrets hidden: for people and logs. */
  readonly redacted: Readonly<Record<string, unknown>>;
  /** sha256 of `redacted`: changes with the settings, never with a secret. */
  readonly configHash: string;
  /** Replaces every secret and every filled-in reference inside a text by `[hidden]`. */
  readonly redactText: (text: string) => string;
  /** One line each, with file and position. */
  readonly warnings: readonly string[];
}

type Options = z.input<typeof generalSettings>;
type Checkpoints = Omit<NonNullable<Options['checkpoints']>, 'store'>;
export type PipelineFileOptions = Omit<Options, 'source' | 'sink' | 'checkpoints'> & {
  source: Source;
  sink: Sink;
  checkpoints: Checkpoints & { store?: Store };
};

/** The frame of a pipeline file; what stands in a section decides its connector. */
const section = z.custom<object>((value) => value !== undefined);
export const generalSettings = z.strictObject({
  ...pipelineSettings,
  source: section,
  sink: section,
  checkpoints: z.strictObject({ ...checkpointSettings, store: section.optional() }).prefault({}),
});

/** The sections that a connector describes, and where they stand. */
export const sectionPaths: Readonly<Record<Role, Path>> = {
  source: ['source'],
  sink: ['sink'],
  store: ['checkpoints', 'store'],
};

/**
 * Reads a pipeline file strictly. Throws one `config` error that names everything wrong with it, each with
 * `file:line:column`, key, what was expected and what was found.
 */
export async function parsePipelineFile(text: string, context: ParseContext): Promise<PipelineFile> {
  const yaml = readYaml(text);
  if ('syntax' in yaml) throw invalidFile(context.file, yaml.syntax);
  const refuse = (findings: readonly Finding[]) =>
    invalidFile(context.file, [
      ...yaml.problems,
      ...findings.map((finding) => placed(finding, yaml.positionOf(finding.path, finding.at))),
    ]);
  if (!isMap(yaml.value)) throw refuse([{ path: [], at: 'value', message: notAMap(yaml.value) }]);

  const { value: root, references, hidden, findings: unresolved } = substitute(yaml.value, context);
  const sections = {
    source: await readSection('source', root, context.registry),
    sink: await readSection('sink', root, context.registry),
    store: await readSection('store', root, context.registry),
  };
  const schema = wholeSchema(sections);
  const examined: Examined = {
    schema,
    root,
    reference: (path) => references.get(pathKey(path)) ?? (isSecret(schema, path) ? '[hidden]' : undefined),
  };

  const general = generalSettings.safeParse(root, { error: ruleMessages });
  const findings = [...unresolved, ...findingsOf(general.error?.issues ?? [], [], examined)];
  for (const read of Object.values(sections)) {
    if (read.kind === 'refused') findings.push(...findingsOf(read.issues, read.path, examined));
    if (read.kind === 'invalid') findings.push(read.finding);
  }
  // A reference without a value is one mistake; that its place is now empty is not another.
  const gone = new Set(unresolved.map(({ path }) => pathKey(path)));
  const real = findings.filter((finding) => unresolved.includes(finding) || !gone.has(pathKey(finding.path)));
  if (real.length > 0 || yaml.problems.length > 0) throw refuse(real);

  const { source, sink, store } = createSections(sections, context.baseDir, refuse);
  const { checkpoints = {}, ...rest } = root as Options;
  const { store: _section, ...checkpointOptions } = checkpoints;
  const literals = literalSecrets(root, schema, references);
  const redacted = redact(root, (path) => examined.reference(path) !== undefined) as Record<string, unknown>;
  return {
    options: { ...rest, source, sink, checkpoints: { ...checkpointOptions, ...(store && { store }) } },
    redacted,
    configHash: configHash(redacted),
    redactText: textRedactor([...hidden, ...literals.map((path) => String(valueAt(root, path)))]),
    warnings: literals.map((path) => literalWarning(path, yaml, context.file)),
  };
}

function notAMap(value: unknown): string {
  return value === null || value === undefined
    ? 'the file is empty; a pipeline has at least name, source and sink'
    : `expected a map with name, source and sink, found ${describeFound(value)}`;
}

/** A section of the file, matched with the connector it names. */
type Section<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly path: Path; readonly finding: Finding }
  | { readonly kind: 'refused'; readonly path: Path; readonly issues: z.core.$ZodIssue[]; readonly schema: SchemaNode }
  | {
      readonly kind: 'valid';
      readonly path: Path;
      readonly create: (baseDir: string) => T;
      readonly schema: SchemaNode;
    };

async function readSection<R extends Role>(
  role: R,
  root: unknown,
  registry: ConnectorRegistry,
): Promise<Section<Roles[R]>> {
  const path = sectionPaths[role];
  const value = valueAt(root, path);
  // Whether it may be absent is a rule of the file's frame.
  if (value === undefined) return { kind: 'absent' };
  const invalid = (at: Path, message: string) =>
    ({ kind: 'invalid', path, finding: { path: at, at: 'value', message } }) as const;
  if (!isMap(value)) return invalid(path, `expected a map with type, found ${describeFound(value)}`);
  const { type } = value;
  const definition = typeof type === 'string' ? await loadDefinition(registry, role, type) : undefined;
  if (definition === undefined) {
    const known = [...(await loadDefinitions(registry, role)).keys()];
    const expected = `expected ${known.length === 1 ? '' : 'one of '}${known.join(', ')}`;
    if (type === undefined) return invalid(path, `missing type; ${expected}`);
    const meant = typeof type === 'string' ? nearest(type, known) : undefined;
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return invalid([...path, 'type'], `no such ${role}; ${expected}, found ${describeFound(type)}${hint}`);
  }
  const schema = schemaTree(definition.settings);
  const result = definition.settings.safeParse(value, { error: ruleMessages });
  return result.success
    ? { kind: 'valid', path, schema, create: (baseDir) => definition.create(result.data, { baseDir }) }
    : { kind: 'refused', path, schema, issues: result.error.issues };
}

/** The schema of this very file: the frame with the sections of the connectors it names. */
function wholeSchema({ source, sink, store }: Record<Role, Section<unknown>>): SchemaNode {
  const frame = schemaTree(generalSettings);
  const { checkpoints = {}, ...fields } = frame.properties ?? {};
  const of = (read: Section<unknown>, role: Role): SchemaNode =>
    read.kind === 'valid' || read.kind === 'refused'
      ? read.schema
      : { type: 'object', required: ['type'], description: sectionDescriptions[role] };
  return {
    ...frame,
    properties: {
      ...fields,
      source: of(source, 'source'),
      sink: of(sink, 'sink'),
      checkpoints: { ...checkpoints, properties: { ...checkpoints.properties, store: of(store, 'store') } },
    },
  };
}

export const sectionDescriptions: Readonly<Record<Role, string>> = {
  source: 'Where records come from.',
  sink: 'Where records go.',
  store: "Where checkpoints are kept. By default in _sluice under the sink's root.",
};

/** Makes source, sink and store of valid sections; what a connector refuses only now is reported at its section. */
function createSections(
  sections: { [R in Role]: Section<Roles[R]> },
  baseDir: string,
  refuse: (findings: readonly Finding[]) => SluiceError,
): { source: Source; sink: Sink; store: Store | undefined } {
  const findings: Finding[] = [];
  const create = <T>(read: Section<T>): T | undefined => {
    if (read.kind !== 'valid') return undefined;
    try {
      return read.create(baseDir);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.kind !== 'config') throw error;
      findings.push({ path: read.path, at: 'value', message: [error.message, error.help].filter(Boolean).join('; ') });
      return undefined;
    }
  };
  const made = { source: create(sections.source), sink: create(sections.sink), store: create(sections.store) };
  if (findings.length > 0) throw refuse(findings);
  return made as { source: Source; sink: Sink; store: Store | undefined };
}

function literalSecrets(root: unknown, schema: SchemaNode, references: ReadonlyMap<string, string>): Path[] {
  const literals: Path[] = [];
  const look = (value: unknown, path: Path): void => {
    if (Array.isArray(value))
      value.forEach((item, index) => {
        look(item, [...path, index]);
      });
    else if (isMap(value)) for (const [key, item] of Object.entries(value)) look(item, [...path, key]);
    else if (typeof value === 'string' && !references.has(pathKey(path)) && isSecret(schema, path)) literals.push(path);
  };
  look(root, []);
  return literals;
}

function literalWarning(path: Path, yaml: YamlText, file: string): string {
  const message = `a secret stands in the file; keep it outside: \${env:NAME} or \${file:path}`;
  return formatProblem(file, placed({ path, at: 'value', message }, yaml.positionOf(path, 'value')));
}
