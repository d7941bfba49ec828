import type { z } from 'zod';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';
import { describeFound, type Examined, findingsOf, ruleMessages, withoutEchoes } from './findings.ts';
import { isMap, type Path, pathKey, valueAt } from './path.ts';
import { type Finding, formatProblem, invalidFile, placed } from './problem.ts';
import { configHash, HIDDEN, redact, textRedactor } from './redact.ts';
import type { ConnectorRegistry } from './registry.ts';
import { isSecret, type SchemaNode } from './schema-tree.ts';
import { createSections, frameSettings, readSections, type Sections, schemaOf } from './sections.ts';
import { type Surroundings, substitute } from './substitute.ts';
import { readYaml } from './yaml-text.ts';

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

type Frame = z.input<typeof frameSettings>;
export type PipelineFileOptions = Omit<Frame, 'source' | 'sink' | 'checkpoints'> & {
  source: Source;
  sink: Sink;
  checkpoints: Omit<NonNullable<Frame['checkpoints']>, 'store'> & { store?: Store };
};

/**
 * Reads a pipeline file strictly. Throws one `config` error that names everything wrong with it, each with
 * `file:line:column`, key, what was expected and what was found.
 */
export async function parsePipelineFile(text: string, context: ParseContext): Promise<PipelineFile> {
  const { file, registry, baseDir } = context;
  const yaml = readYaml(text);
  if ('syntax' in yaml) throw invalidFile(file, yaml.syntax);
  const place = (finding: Finding) => placed(finding, yaml.positionOf(finding.path, finding.at));
  const refuse = (findings: readonly Finding[]) => invalidFile(file, [...yaml.problems, ...findings.map(place)]);
  if (!isMap(yaml.value)) throw refuse([{ path: [], at: 'value', message: notAMap(yaml.value) }]);

  const { value: root, references, hidden, findings: unresolved } = substitute(yaml.value, context);
  const sections = await readSections(root, registry);
  const schema = schemaOf(sections);
  const reference = (path: Path) => references.get(pathKey(path)) ?? (isSecret(schema, path) ? HIDDEN : undefined);
  // A reference that leads nowhere is one mistake; that its place is empty now is not another.
  const gone = new Set(unresolved.map(({ path }) => pathKey(path)));
  const found = findingsIn(sections, { schema, root, reference }).filter(({ path }) => !gone.has(pathKey(path)));
  if (unresolved.length + found.length + yaml.problems.length > 0) throw refuse([...unresolved, ...found]);

  const literals = literalSecrets(root, schema, references);
  const redactText = textRedactor([...hidden, ...literals.map((path) => String(valueAt(root, path)))]);
  const { source, sink, store, findings } = createSections(sections, baseDir);
  if (source === undefined || sink === undefined || findings.length > 0) {
    throw refuse(findings.map((finding) => ({ ...finding, message: redactText(finding.message) })));
  }

  const { checkpoints: { store: _section, ...checkpoints } = {}, ...rest } = root as Frame;
  const redacted = redact(root, (path) => reference(path) !== undefined) as Record<string, unknown>;
  return {
    options: { ...rest, source, sink, checkpoints: { ...checkpoints, ...(store && { store }) } },
    redacted,
    configHash: configHash(redacted),
    redactText,
    warnings: literals.map((path) => formatProblem(file, place({ path, at: 'value', message: LITERAL_SECRET }))),
  };
}

const LITERAL_SECRET = `a secret stands in the file; keep it outside with \${env:NAME} or \${file:path}`;

function notAMap(value: unknown): string {
  return value === null || value === undefined
    ? 'the file is empty; a pipeline has at least name, source and sink'
    : `expected a map with name, source and sink, found ${describeFound(value)}`;
}

/** Everything that the frame and the connectors have to say about the settings. */
function findingsIn(sections: Sections, examined: Examined): Finding[] {
  const frame = frameSettings.safeParse(examined.root, { error: ruleMessages });
  // Sections report themselves, with the types there are.
  const isSection = (path: readonly PropertyKey[]) => path.length === 1 && (path[0] === 'source' || path[0] === 'sink');
  const issues = (frame.error?.issues ?? []).filter(({ path }) => !isSection(path));
  const findings = findingsOf(issues, [], examined);
  for (const read of Object.values(sections)) {
    if (read.kind === 'refused') findings.push(...findingsOf(read.issues, read.path, examined));
    if (read.kind === 'unmatched') findings.push(read.finding);
  }
  return withoutEchoes(findings);
}

/** Paths of secrets that are written out in the file. */
function literalSecrets(root: unknown, schema: SchemaNode, references: ReadonlyMap<string, string>): Path[] {
  const secretsIn = (value: unknown, path: Path): Path[] => {
    if (Array.isArray(value)) return value.flatMap((item, index) => secretsIn(item, [...path, index]));
    if (isMap(value)) return Object.entries(value).flatMap(([key, item]) => secretsIn(item, [...path, key]));
    return typeof value === 'string' && !references.has(pathKey(path)) && isSecret(schema, path) ? [path] : [];
  };
  return secretsIn(root, []);
}
