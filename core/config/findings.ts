import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { formatPath, isMap, type Path, valueAt } from './path.ts';
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
  const findings = issues.flatMap((issue) => explain(issue, at, examined));
  const suggested = new Set(findings.map(({ insteadOf }) => insteadOf));
  // A misspelt key is one mistake, not an unknown key and a missing one.
  return findings.filter(({ path, missing }) => !(missing && suggested.has(formatPath(path))));
}

interface Explained extends Finding {
  readonly missing?: boolean;
  /** The path that a misspelt key stands for. */
  readonly insteadOf?: string;
}

function explain(issue: Issue, above: Path, examined: Examined): Explained[] {
  const path: Path = [...above, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], examined));

  const value = valueAt(examined.root, path);
  if (value === undefined) return [missingKey(path, examined)];
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue);
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, examined));
  }
  return [wrongValue(issue, path, examined)];
}

function unknownKey(path: Path, { schema }: Examined): Explained {
  const above = path.slice(0, -1);
  const key = String(path.at(-1));
  const known = keysAt(schema, above);
  const meant = nearest(key, known);
  if (meant !== undefined) {
    const insteadOf = formatPath([...above, meant]);
    return { path, at: 'key', message: `unknown key; did you mean ${meant}?`, insteadOf };
  }
  const [elsewhere, ...others] = pathsOfKey(schema, key);
  const hint = elsewhere !== undefined && others.length === 0 ? `; did you mean ${formatPath(elsewhere)}?` : '';
  return { path, at: 'key', message: `unknown key; expected one of ${known.join(', ')}${hint}` };
}

function missingKey(path: Path, { schema }: Examined): Explained {
  const nodes = nodesAt(schema, path);
  const why = nodes.find((node) => node.description !== undefined)?.description;
  const message = `missing; expected ${describeExpected(nodes)}${why === undefined ? '' : `: ${why.replace(/\.$/, '')}`}`;
  return { path, at: 'key', message, missing: true };
}

function wrongValue(issue: Issue, path: Path, examined: Examined): Explained {
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
  return fitting.toSorted((a, b) => complaints(a) - complaints(b))[0];
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
