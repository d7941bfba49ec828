import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Path } from './path.ts';
import type { Position, Problem } from './problem.ts';

/** Aliases expand; more than this many and the file is a bomb, not a configuration. */
const ALIASES_MAX = 100;
/** A bracket per level costs the parser a stack frame; no configuration is that deep. */
const BYTES_MAX = 1024 * 1024;

/** A YAML file as plain values, which still knows where every one of them stands. */
export interface YamlText {
  readonly value: unknown;
  /** The place of the key at `path`, or of its value; of the nearest thing around it when it does not exist. */
  positionOf(path: Path, at: 'key' | 'value'): Position;
  /** Repeated keys: reported beside everything else that is wrong. */
  readonly problems: readonly Problem[];
}

/** Reads one YAML 1.2 document. With syntax errors there is no value to go on with, only problems. */
export function readYaml(text: string): YamlText | { readonly syntax: readonly Problem[] } {
  if (text.length > BYTES_MAX) return { syntax: [wholeFile('is larger than 1 MiB; this is not a pipeline file')] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' });
  const placeOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };

  const problems: Problem[] = [];
  for (const error of document.errors) {
    const position = placeOf(error.pos[0]);
    if (error.code === 'DUPLICATE_KEY') {
      problems.push({ ...position, path: '', message: `${quotedKey(text, error)} is given twice in the same map` });
      continue;
    }
    // After its first syntax error a parser guesses; what it says then misleads more than it helps.
    return { syntax: [{ ...position, path: '', message: syntaxMessage(text, error) }] };
  }
  const unusable = unusableNodes(document, placeOf);
  if (unusable.length > 0) return { syntax: unusable };

  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return { value, problems, positionOf: (path, at) => placeOf(offsetOf(document, path, at)) };
  } catch (error) {
    // Unset aliases were found above; what is left is the library's guard against alias bombs.
    if (!(error instanceof ReferenceError)) throw error;
    return { syntax: [wholeFile(`expands to too much: more than ${ALIASES_MAX} aliases (*name)`)] };
  }
}

function wholeFile(message: string): Problem {
  return { line: 1, column: 1, path: '', message };
}

function syntaxMessage(text: string, error: YAMLError): string {
  const [offset] = error.pos;
  if (error.code === 'MULTIPLE_DOCS') return 'expected one document, found a second one (---)';
  if (text[offset] === '{' && text[offset - 1] === '$') {
    return `not valid YAML: inside { } and [ ] a value with \${...} needs quotes: "\${env:NAME}"`;
  }
  // With stack exhaustion the library reports its own failure, excerpt and all; the first line says what it is.
  return `not valid YAML: ${(error.message.split('\n')[0] as string).replace(/ at line \d+, column \d+:$/, '')}`;
}

function quotedKey(text: string, error: YAMLError): string {
  const key = /^[^\s:]+/.exec(text.slice(error.pos[0]));
  return key === null ? 'a key' : `"${key[0].replaceAll(/^["']|["']$/g, '')}"`;
}

/** Things YAML allows and settings cannot hold: unknown tags, keys that are not plain, aliases of nothing. */
function unusableNodes(document: Document.Parsed, placeOf: (offset: number) => Position): Problem[] {
  const problems: Problem[] = [];
  const add = (node: Node, message: string) => problems.push({ ...placeOf(startOf(node)), path: '', message });
  for (const warning of document.warnings) {
    problems.push({ ...placeOf(warning.pos[0]), path: '', message: `not valid here: ${warning.message}` });
  }
  visit(document, {
    Alias: (_key, node, above) => {
      const target = node.resolve(document);
      if (target === undefined) add(node, `*${node.source} names no earlier &${node.source}`);
      else if (above.includes(target)) add(node, `*${node.source} stands inside &${node.source}: it would never end`);
    },
    Pair: (_key, pair) => {
      if (isMap(pair.key) || isSeq(pair.key)) add(pair.key, 'expected a plain key, found a list or map as key');
    },
  });
  return problems;
}

/** Walks as far along `path` as the document goes, through aliases and merged maps. */
function offsetOf(document: Document.Parsed, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let found = node;
  for (const [index, step] of path.entries()) {
    const resolved = isAlias(node) ? node.resolve(document) : node;
    if (isMap(resolved)) {
      const pair = pairOf(document, resolved, String(step));
      if (pair === undefined) break;
      const last = index === path.length - 1;
      // A key without a value, and anything inside that is missing, is best shown at the key.
      found = (last && at === 'key') || isBlank(pair.value) ? pair.key : pair.value;
      // The start of a block map is its first key; the key above it says better which map is meant.
      if (!last && isMap(pair.value) && pair.value.flow !== true) found = pair.key;
      node = pair.value;
    } else if (isSeq(resolved)) {
      const item = resolved.items[Number(step)];
      if (item === undefined) break;
      node = found = item;
    } else break;
  }
  return Math.max(0, startOf(found));
}

function pairOf(document: Document.Parsed, map: YAMLMap, key: string): Pair | undefined {
  const own = map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (own !== undefined) return own;
  for (const { key: mergeKey, value } of map.items) {
    if (!isScalar(mergeKey) || mergeKey.source !== '<<') continue;
    for (const source of isSeq(value) ? value.items : [value]) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      const pair = isMap(merged) ? pairOf(document, merged, key) : undefined;
      if (pair !== undefined) return pair;
    }
  }
  return undefined;
}

function isBlank(node: unknown): boolean {
  const range = (node as Node | null | undefined)?.range;
  return !isAlias(node) && (range === undefined || range === null || range[0] === range[1]);
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? -1;
}
