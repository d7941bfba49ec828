import { SluiceError } from '../core/errors.ts';

const BUG_HELP = 'This is a bug in Sluice, and not your doing: please report it with the lines below.';

/** An error for people: what happened, what to do, and the code to search for. Stack traces are for bugs and `--debug`. */
export function errorText(error: SluiceError, { debug = false }: { debug?: boolean } = {}): string {
  const help = helpOf(error);
  const lines = [error.message];
  if (help !== undefined) lines.push(...help.split('\n').map((line) => `  ${line}`));
  lines.push(`[${error.code}]`);
  if (debug || error.kind === 'bug') lines.push(stackText(error));
  return lines.join('\n');
}

/** What the reader can do about it. */
export function helpOf(error: SluiceError): string | undefined {
  return error.help ?? (error.kind === 'bug' ? BUG_HELP : undefined);
}

/** The stacks of an error and of everything that caused it. */
export function stackText(error: Error): string {
  const seen = new Set<unknown>();
  const stacks: string[] = [];
  // What was not ours got a kind on its way here; that it did says nothing about where it happened.
  const isWrapped = error instanceof SluiceError && error.code === 'UNEXPECTED' && error.cause !== undefined;
  for (let at: unknown = isWrapped ? error.cause : error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    stacks.push(at.stack ?? at.message);
  }
  return stacks.join('\ncaused by: ');
}

/** The same error without what must not be shown. Its details stay behind: they may hold the same. */
export function redactedError(error: SluiceError, redact: (text: string) => string): SluiceError {
  const { kind, code, message, help } = error;
  const redacted = new SluiceError(kind, code, {
    message: redact(message),
    ...(help !== undefined && { help: redact(help) }),
  });
  redacted.stack = redact(stackText(error));
  return redacted;
}
