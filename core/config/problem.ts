import { SluiceError } from '../errors.ts';
import { formatPath, type Path } from './path.ts';

/** Counted from 1, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with a configuration, without its place in a file. */
export interface Finding {
  readonly path: Path;
  /** What was expected and what was found; never a secret. */
  readonly message: string;
  /** Where in the file to point: at the key itself, or at its value. */
  readonly at: 'key' | 'value';
  /** For a key that is not there. */
  readonly missing?: boolean;
  /** For a misspelt key: the path that was meant. */
  readonly meant?: Path;
}

/** A finding and its place in a file. */
export interface Problem extends Position {
  /** Empty when the file as a whole is meant. */
  readonly path: string;
  readonly message: string;
}

export function placed({ path, message }: Finding, position: Position): Problem {
  return { path: formatPath(path), message, ...position };
}

/** `pipeline.yaml:3:5: source.topics: ...`: the form that editors and CI turn into links. */
export function formatProblem(file: string, { line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** One error for everything wrong with `file`, in the order of the file. */
export function invalidFile(file: string, problems: readonly Problem[]): SluiceError {
  const inOrder = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const lines = inOrder.map((problem) => formatProblem(file, problem));
  return new SluiceError('config', 'CONFIG_INVALID', {
    message: lines.length === 1 ? (lines[0] as string) : [`${file} has ${lines.length} problems:`, ...lines].join('\n'),
    details: { file, problems: inOrder },
  });
}
