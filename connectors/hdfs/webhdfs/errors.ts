import { type ErrorKind, SluiceError } from '../../../core/spi.ts';

/** What is known after a call that did not succeed, as far as a caller acts differently. */
export type HdfsReason =
  /** No answer, or one that says nothing: it may have taken effect, or may still. */
  | 'unknown'
  /** No connection came about: without effect. */
  | 'unreachable'
  /** This NameNode is not the active one: without effect. */
  | 'standby'
  /** The NameNode is starting or changing over, and asks to come again: without effect. */
  | 'retriable'
  | 'safeMode'
  /** The path, or a directory on the way to a target. */
  | 'notFound'
  /** Something is at the target already. */
  | 'exists'
  /** A plain rename said false: the target exists, or the source or the target’s directory does not. */
  | 'notRenamed'
  /** Somebody holds the file open for writing, or its last writer is not forgotten yet. */
  | 'beingCreated'
  | 'notEmpty'
  | 'parentNotDirectory'
  /** The identity is known, and may not do this. */
  | 'denied'
  /** No usable identity: missing, wrong or expired. */
  | 'credentials'
  | 'quota'
  /** The NameNode knows no DataNode to write to or to read from: without effect. */
  | 'noDataNode'
  /** Never sent, or refused for its name. */
  | 'badName'
  /** Another answer that says no. */
  | 'refused';

export class HdfsError extends SluiceError {
  readonly reason: HdfsReason;

  constructor(reason: HdfsReason, kind: ErrorKind, code: string, facts: ConstructorParameters<typeof SluiceError>[2]) {
    super(kind, code, facts);
    this.reason = reason;
  }
}

export function isHdfsError(error: unknown, ...reasons: HdfsReason[]): error is HdfsError {
  return error instanceof HdfsError && reasons.includes(error.reason);
}

/** At the start, what the cluster refuses is for the user to mend; later it may be mended while we try again. */
export function asStartError(error: unknown): unknown {
  if (!(error instanceof HdfsError) || error.kind !== 'rejected' || error.reason === 'unknown') return error;
  const { reason, code, message, help, details } = error;
  const facts = { message, details, cause: error, ...(help === undefined ? {} : { help }) };
  return new HdfsError(reason, 'config', code, facts);
}
