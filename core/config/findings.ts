import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { formatPath, isMap, type Path, pathKey, valueAt } from './path.ts';
import type { Finding } from './problem.ts';
import { constantsOf, describeExpected, keysAt, nodesAt, pathsOfKey, type SchemaNode } from './schema-tree.ts';

type Issue = z.core.$ZodIssue;

export interface Examined {
  /** The schema of everything that `root` holds: what is said about a value comes from there. */
  readonly schema: SchemaNode;
  readonly root: unknown;
  /** How to show a value that may not be printed; undefined for one that may. */
  readonly reference: (path: Path) => string | undefined;
}

/** What zod found wrong with the part of `root` at `at`, in words: what was expected, what was found, what was meant. */
export function findingsOf(issues: readonly Issue[], at: Path, examined: Examined): Finding[] {
  return issues.flatMap((issue) => explain(issue, at, examined));
}

/** Leaves out what only follows from something else: a misspelt key is one mistake, not an unknown key and a missing one. */
export function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const meant = new Set(findings.flatMap((finding) => (finding.meant === undefined ? [] : [pathKey(finding.meant)])));
  return findings.filter(({ path, missing }) => !(missing && meant.has(pathKey(path))));
}

function explain(issue: Issue, above: Path, examined: Examined): Finding[] {
  const path: Path = [...above, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], examined));

  const value = valueAt(examined.root, path);
  if (value === undefined) return [missingKey(issue, path, examined)];
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue);
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, examined));
  }
  return [wrongValue(issue, path, examined)];
}

function unknownKey(path: Path, { schema }: Examined): Finding {
  const above = path.slice(0, -1);
  const key = String(path.at(-1));
  const known = keysAt(schema, above);
  const meant = nearest(key, known);
  if (meant !== undefined) {
    return { path, at: 'key', message: `unknown key; did you mean ${meant}?`, meant: [...above, meant] };
  }
  const [elsewhere, ...others] = pathsOfKey(schema, key);
  const hint = elsewhere !== undefined && others.length === 0 ? `; did you mean ${formatPath(elsewhere)}?` : '';
  return { path, at: 'key', message: `unknown key; expected one of ${known.join(', ')}${hint}` };
}

function missingKey(issue: Issue, path: Path, { schema }: Examined): Finding {
  // A rule between keys puts its message at one of them, which need not be there.
  if (issue.code === 'custom') return { path, at: 'key', message: issue.message, missing: true };
  const nodes = nodesAt(schema, path);
  const why = nodes.find((node) => node.description !== undefined)?.description;
  const hint = nodes.some((node) => node.fromSink) ? '; only a sink of the same type would give it' : '';
  const message = `missing; expected ${describeExpected(nodes)}${why === undefined ? '' : `: ${why.replace(/\.$/, '')}`}${hint}`;
  return { path, at: 'key', message, missing: true };
}

function wrongValue(issue: Issue, path: Path, examined: Examined): Finding {
  const value = valueAt(examined.root, path);
  const nodes = nodesAt(examined.schema, path);
  const reference = examined.reference(path);
  const expected = expectation(issue, nodes);
  // A rule over a whole map says itself what is wrong; "found a map" adds nothing.
  const found =
    issue.code === 'custom' && (isMap(value) || Array.isArray(value))
      ? ''
      : `, found ${describeFound(value, reference)}`;
  const meant = typeof value === 'string' && reference === undefined ? nearest(value, constantsOf(nodes)) : undefined;
  const hint = meant === undefined || meant === value ? '' : `; did you mean ${meant}?`;
  return { path, at: 'value', message: `${expected}${found}${hint}` };
}

function expectation(issue: Issue, nodes: readonly SchemaNode[]): string {
  switch (issue.code) {
    case 'invalid_type':
    case 'invalid_value':
    case 'invalid_union':
      return `expected ${nodes.length === 0 ? 'something else' : describeExpected(nodes)}`;
    default:
      return issue.message;
  }
}

/** The alternative that the user most likely meant: one whose outer shape fits, with the fewest complaints. */
function likeliestBranch(issue: Extract<Issue, { code: 'invalid_union' }>): Issue[] | undefined {
  const isShape = ({ code, path }: Issue) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
  const complaints = (issues: readonly Issue[]) =>
    issues.reduce((sum, inner) => sum + (inner.code === 'unrecognized_keys' ? inner.keys.length : 1), 0);
  const fitting = issue.errors.filter((issues) => !issues.some(isShape));
  const [likeliest, ...others] = fitting.toSorted((a, b) => complaints(a) - complaints(b));
  // A key whose word tells the alternatives apart, and which fits none: what each of them lacks besides says nothing.
  const isWord = ({ code, path }: Issue) => code === 'invalid_value' && path.length === 1;
  const word = likeliest?.find(
    (inner) =>
      isWord(inner) && others.every((issues) => issues.some((it) => isWord(it) && it.path[0] === inner.path[0])),
  );
  return word === undefined ? likeliest : [word];
}

/** A value as a person would name it. */
export function describeFound(value: unknown, reference?: string): string {
  if (reference !== undefined) return reference;
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty map' : 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return typeof value === 'number' ? `the number ${shown}` : shown;
}

/** Our words for the rules that zod checks itself; a message written beside the rule takes precedence. */
export const ruleMessages: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'too_small':
      return amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', Number(issue.minimum));
    case 'too_big':
      return amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', Number(issue.maximum));
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_format':
      if (issue.format === 'datetime') return 'expected a date and time such as 2026-01-31T12:00:00Z';
      return issue.format === 'regex' && issue.pattern !== undefined
        ? `expected text that matches ${issue.pattern}`
        : `expected a valid ${issue.format}`;
    default:
      return undefined;
  }
};

function amount(origin: string, bound: string, n: number): string {
  switch (origin) {
    case 'string':
      return n === 1 && bound === 'at least' ? 'expected text that is not empty' : `expected ${bound} ${n} characters`;
    case 'array':
    case 'set':
      return `expected ${bound} ${n === 1 ? 'one item' : `${n} items`}`;
    case 'object':
    case 'map':
      return `expected ${bound} ${n === 1 ? 'one key' : `${n} keys`}`;
    default:
      return `expected ${bound} ${n}`;
  }
}
