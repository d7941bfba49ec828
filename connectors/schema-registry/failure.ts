import { CERTIFICATE_CODES, type ErrorKind, SluiceError } from '../../core/spi.ts';
import type { HttpAnswer } from './http.ts';

/** What was asked for, and of whom. */
export interface Asked {
  /** For example `schema id 7`. */
  readonly what: string;
  /** The URL of the server, without what follows. */
  readonly url: string;
  /** Takes secrets out of what a server said. */
  readonly mask: (text: string) => string;
}

const SAID_CHARS_MAX = 200;
/** Of Confluent's REST API: no subject, no version, no schema. */
const UNKNOWN_CODES: readonly unknown[] = [40_401, 40_402, 40_403];
const UNKNOWN_HELP =
  'Is it the registry that the producer uses? A value that begins with a zero byte by chance names a schema, too.';

/** Of an answer that is no success. */
export function failureOfAnswer({ status, text }: HttpAnswer, asked: Asked): SluiceError {
  const { code, message } = errorOf(text);
  const said = `HTTP ${status}${message === undefined ? '' : `, ${asked.mask(message)}`}`;
  const fail = (kind: ErrorKind, name: string, help: string) => failure(kind, name, said, asked, { help, status });
  if (status === 401 || status === 403)
    return fail('config', 'REGISTRY_DENIED', 'Mend registry.auth, or let this user read schemas.');
  if (status === 404 && UNKNOWN_CODES.includes(code)) return fail('rejected', 'REGISTRY_UNKNOWN', UNKNOWN_HELP);
  if (status === 404 || (status >= 300 && status < 400))
    return fail('config', 'REGISTRY_URL', 'Is registry.urls where a schema registry is, with its path and its scheme?');
  if (status === 408 || status === 429 || status >= 500)
    return fail('unavailable', 'REGISTRY_UNAVAILABLE', 'It is asked again. Is the registry well?');
  return fail('rejected', 'REGISTRY_REFUSED', 'The registry knows the request and says no; its log may say more.');
}

/** Of an answer that says success, and is not what a registry says then. */
export function failureOfForm({ status }: HttpAnswer, asked: Asked): SluiceError {
  return failure('rejected', 'REGISTRY_ANSWER', 'an answer that cannot be read', asked, {
    help: 'Is registry.urls where a schema registry is, and not a page in front of it?',
    status,
  });
}

/** Of no answer. */
export function failureOfSilence(cause: unknown, asked: Asked): SluiceError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const { code } = error as NodeJS.ErrnoException;
  // Several addresses of one name fail together, each for itself.
  const message = error.message === '' ? (code ?? error.name) : error.message;
  const said = asked.mask(message);
  if (code !== undefined && CERTIFICATE_CODES.has(code))
    return failure('config', 'REGISTRY_CERTIFICATE', said, asked, {
      help: 'Give the certificate of its authority as registry.ca, or mend the one of the server.',
      cause,
    });
  if (code === 'ERR_INVALID_CHAR')
    return failure('config', 'REGISTRY_AUTH', 'a secret that HTTP cannot carry', asked, {
      help: 'Is there a line break in registry.auth?',
    });
  return failure('unavailable', 'REGISTRY_UNAVAILABLE', said, asked, {
    help: 'It is asked again. Is the registry up, and is registry.urls right?',
    cause,
  });
}

export function failure(
  kind: ErrorKind,
  code: string,
  said: string,
  { what, url }: Asked,
  { help, status, cause }: { help: string; status?: number; cause?: unknown },
): SluiceError {
  return new SluiceError(kind, code, {
    message: `could not read ${what} of the schema registry at ${url}: ${said}`,
    help,
    details: { what, url, ...(status === undefined ? {} : { status }) },
    cause,
  });
}

function errorOf(text: string): { code?: unknown; message?: string } {
  try {
    const { error_code: code, message } = JSON.parse(text) as { error_code?: unknown; message?: unknown };
    if (typeof message !== 'string') return { code };
    return { code, message: (message.split(/[\r\n]/, 1)[0] as string).slice(0, SAID_CHARS_MAX) };
  } catch {
    return {}; // a page of a proxy: the status is all there is to go by
  }
}
