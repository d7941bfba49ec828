import { type Path, pathKey } from './path.ts';
import type { Finding } from './problem.ts';

/** The outside world of a configuration file. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file; a relative path starts at the configuration file's folder. Throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** Settings with every `${env:NAME}` and `${file:path}` replaced, and which of them were. */
export interface Substituted {
  readonly value: unknown;
  /** Path keys of the replaced values, with their text in the file: the reference may be shown, the value never. */
  readonly references: ReadonlyMap<string, string>;
  /** What the references stand for: for keeping it out of logs. */
  readonly hidden: ReadonlySet<string>;
  readonly findings: readonly Finding[];
}

/** Replaces references in every string value. `$${` stands for a literal `${`. What was put in is not looked at again. */
export function substitute(root: unknown, surroundings: Surroundings): Substituted {
  const references = new Map<string, string>();
  const hidden = new Set<string>();
  const findings: Finding[] = [];

  const replaceText = (text: string, path: Path): string =>
    text.replaceAll(/\$\$\{|\$\{([^}]*)\}?/g, (match, reference: string | undefined) => {
      if (reference === undefined) return '${';
      references.set(pathKey(path), text);
      const result = resolve(match, reference, surroundings);
      if ('problem' in result) {
        findings.push({ path, at: 'value', message: result.problem });
        return '';
      }
      hidden.add(result.text);
      return result.text;
    });

  const replace = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return replaceText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => replace(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replace(item, [...path, key])]));
  };

  return { value: replace(root, []), references, hidden, findings };
}

function resolve(
  match: string,
  reference: string,
  { env, readFile }: Surroundings,
): { text: string } | { problem: string } {
  if (!match.endsWith('}')) return { problem: `expected a closing } after ${match}` };
  const [, kind, name] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  if (kind === undefined || name === undefined) {
    return { problem: `expected \${env:NAME} or \${file:path}, found ${match}; a literal \${ is written $\${` };
  }
  if (kind === 'env') {
    const text = env[name];
    return text === undefined ? { problem: `the environment variable ${name} is not set` } : { text };
  }
  try {
    // Editors and `echo` end files with a newline that is no part of the secret.
    return { text: readFile(name).replace(/\r?\n$/, '') };
  } catch (error) {
    const why = (error as { code?: unknown }).code ?? (error instanceof Error ? error.message : String(error));
    return { problem: `cannot read the file ${name}: ${String(why)}` };
  }
}
