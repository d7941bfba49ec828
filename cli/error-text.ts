import type { SluiceError } from '../core/errors.ts';

/** An error for people: what happened, what to do, and the code to search for. Stack traces are for bugs and `--debug`. */
export function errorText(error: SluiceError, { debug = false }: { debug?: boolean } = {}): string {
  const lines = [error.message];
  if (error.help !== undefined) lines.push(...error.help.split('\n').map((line) => `  ${line}`));
  lines.push(`[${error.code}]`);
  if (debug || error.kind === 'bug') lines.push(stackText(error));
  return lines.join('\n');
}

/** The stacks of an error and of everything that caused it. */
export function stackText(error: Error): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && !stacks.includes(at.stack ?? at.message); at = at.cause) {
    stacks.push(at.stack ?? at.message);
  }
  return stacks.join('\ncaused by: ');
}
