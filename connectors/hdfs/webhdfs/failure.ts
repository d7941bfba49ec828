import { CERTIFICATE_CODES, SluiceError } from '../../../core/spi.ts';
import { HdfsError } from './errors.ts';
import {
  CERTIFICATE,
  DATANODE_UNREACHABLE,
  type Meaning,
  meaningOf,
  NO_ANSWER,
  NOT_WEBHDFS,
  UNREACHABLE,
} from './meanings.ts';
import type { Operation } from './operations.ts';
import { masked, type RemoteAnswer, remoteExceptionOf } from './remote-answer.ts';
import { WireError } from './wire.ts';

/** What was being asked for, and of whom, for messages. */
export interface Asked {
  readonly operation: Operation;
  readonly path: string;
  /** The URL asked; only its origin is shown. */
  readonly url: string;
  readonly isSecond: boolean;
  /** Of a second step: it is not a URL of the cluster's own. */
  readonly isDataNode?: boolean;
  /** Of a rename. */
  readonly target?: string | undefined;
}

const NEVER_SENT_CODES = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);
/** Of an answer that is no success. */
export function failureOfAnswer(answer: RemoteAnswer, asked: Asked): HdfsError {
  const remote = remoteExceptionOf(answer.json);
  const said = remote === undefined ? `HTTP ${answer.status}` : `${remote.message} (${remote.exception})`;
  return failure(meaningOf(remote, answer.status, asked), said, asked, {
    details: { status: answer.status, exception: remote?.exception },
  });
}

/** Of an answer that says success, and not what WebHDFS says then. */
export function failureOfForm(answer: RemoteAnswer, asked: Asked): HdfsError {
  // Whatever it is, it may stand for something done.
  const meaning = asked.operation.isIdempotent ? NOT_WEBHDFS : NO_ANSWER;
  return failure(meaning, `an answer that cannot be read (HTTP ${answer.status})`, asked, {
    details: { status: answer.status },
  });
}

/** Of no answer. What is a `SluiceError` already stays as it is. */
export function failureOfSilence(cause: unknown, asked: Asked): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = codeOf(error);
  const said = isAbort(error) ? 'called off' : `${masked(error.message)}${code === undefined ? '' : ` (${code})`}`;
  return failure(meaningOfSilence(error, code, asked), said, asked, { details: { code }, cause: error });
}

export function failure(
  { reason, kind, code, help }: Meaning,
  said: string,
  { operation, path, url, target, isDataNode = false }: Asked,
  more: { details?: Record<string, unknown>; cause?: unknown } = {},
): HdfsError {
  const server = originOf(url);
  const to = target === undefined ? '' : ` to ${target}`;
  const at = isDataNode ? `DataNode ${server}` : server;
  return new HdfsError(reason, kind, code, {
    message: `could not ${operation.doing} ${path}${to} at ${at}: ${said}`,
    help,
    details: { path, target, server, doing: operation.doing, ...more.details },
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
}

function meaningOfSilence(error: Error, code: string | undefined, { isDataNode = false }: Asked): Meaning {
  if (code !== undefined && CERTIFICATE_CODES.has(code)) return CERTIFICATE;
  const isSent = error instanceof WireError ? error.isSent : code === undefined || !NEVER_SENT_CODES.has(code);
  if (isSent) return NO_ANSWER;
  return isDataNode ? DATANODE_UNREACHABLE : UNREACHABLE;
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  return error.cause instanceof Error ? codeOf(error.cause) : undefined;
}

const isAbort = (error: Error) => error.name === 'AbortError';

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : masked(url);
}
