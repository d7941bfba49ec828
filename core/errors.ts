/**
 * What went wrong, by what the engine does about it. A new kind needs a caller that would act differently.
 *
 * - `config`: the user has to change something. Never retried.
 * - `fenced`: another instance owns the pipeline. Stop at once, touch nothing.
 * - `dataLoss`: going on would lose or repeat records. Stop until an operator decides.
 * - `unavailable`: something outside is away (broker, disk space, network). Retried.
 * - `rejected`: something outside answered, and said no. Retried a bounded number of times.
 * - `bug`: a broken promise of our own code. Retried a bounded number of times.
 */
export type ErrorKind = 'config' | 'fenced' | 'dataLoss' | 'unavailable' | 'rejected' | 'bug';

export interface ErrorFacts {
  /** What happened and where: topic, partition, offset, path, or file:line of the configuration. */
  message: string;
  /** What the reader can do about it. */
  help?: string;
  /** The same facts for machines; never a secret. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error type of Sluice. `kind` and `code` are API, the sentence is not. */
export class SluiceError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly help: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(kind: ErrorKind, code: string, facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'SluiceError';
    this.kind = kind;
    this.code = code;
    this.help = facts.help;
    this.details = facts.details ?? {};
  }
}

/** Gives every thrown thing a kind: what is not ours is a bug, except an abort, which callers test by their own signal. */
export function toSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  return new SluiceError('bug', 'UNEXPECTED', { message: cause.message, cause });
}

/** The exit code of the command line for an error that ended the pipeline. */
export function exitCodeFor(kind: ErrorKind): 1 | 2 | 3 | 4 {
  switch (kind) {
    case 'config':
      return 2;
    case 'fenced':
      return 3;
    case 'dataLoss':
      return 4;
    case 'unavailable':
    case 'rejected':
    case 'bug':
      return 1;
  }
}
