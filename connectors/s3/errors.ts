import { CERTIFICATE_CODES, type ErrorKind, SluiceError } from '../../core/spi.ts';
import type { StoreProxy } from './proxy.ts';
import { isAbort, type S3Answer, s3AnswerOf } from './sdk-failure.ts';

/** What is known after a request that did not succeed, as far as a caller acts differently. */
export type S3Reason =
  /** No answer, or one that says nothing: it may have taken effect, or may still. */
  | 'unknown'
  /** Asked to come slower (503, 429). Most likely without effect. */
  | 'throttled'
  /** Something else was faster (409); the same request may be sent again. */
  | 'conflict'
  | 'preconditionFailed'
  | 'noSuchKey'
  | 'noSuchUpload'
  | 'noSuchBucket'
  /** A part named in a completion is not there as named. */
  | 'invalidPart'
  /** The identity is known, and may not do this. */
  | 'denied'
  /** No usable identity: missing, wrong or expired keys. */
  | 'credentials'
  /** The store does not know this kind of request. */
  | 'notImplemented'
  /** Another answer that says no. */
  | 'refused';

/** What was being asked for, for messages. */
export interface S3Action {
  /** Completes "could not ... s3:bucket/key", for example `write`. */
  readonly doing: string;
  /** What a policy has to allow. */
  readonly permission: string;
  readonly bucket: string;
  /** The key, or the prefix of a listing. */
  readonly key: string;
  /** Where the client was told to look. */
  readonly region: string;
  readonly endpoint: string | undefined;
  /** What the request went through, unless NO_PROXY says otherwise. */
  readonly proxy?: StoreProxy | undefined;
}

export class S3Error extends SluiceError {
  readonly reason: S3Reason;

  constructor(reason: S3Reason, kind: ErrorKind, code: string, facts: ConstructorParameters<typeof SluiceError>[2]) {
    super(kind, code, facts);
    this.reason = reason;
  }
}

export function isS3Error(error: unknown, ...reasons: S3Reason[]): error is S3Error {
  return error instanceof S3Error && reasons.includes(error.reason);
}

/** At the start, what the store refuses is for the user to mend; later it may be mended while we try again. */
export function asStartError(error: unknown): unknown {
  if (!(error instanceof S3Error) || error.kind !== 'rejected') return error;
  const { reason, code, message, help, details } = error;
  return new S3Error(reason, 'config', code, {
    message,
    details,
    cause: error,
    ...(help === undefined ? {} : { help }),
  });
}

interface Meaning {
  readonly reason: S3Reason;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly help: (action: S3Action, answer: S3Answer) => string;
}

const meaning = (reason: S3Reason, kind: ErrorKind, code: string, help: string | Meaning['help']): Meaning => ({
  reason,
  kind,
  code,
  help: typeof help === 'string' ? () => help : help,
});

const AWAY = meaning(
  'unknown',
  'unavailable',
  'S3_UNAVAILABLE',
  'Look after the store and the network. Nothing is lost: it is tried again.',
);
const THROTTLED = meaning(
  'throttled',
  'unavailable',
  'S3_THROTTLED',
  'The store asks to come slower, and Sluice does. If it lasts: fewer files (longer checkpoints.interval), or a prefix of its own.',
);
const DENIED = meaning(
  'denied',
  'rejected',
  'S3_ACCESS_DENIED',
  ({ permission, bucket, key }) =>
    `Allow ${permission} on arn:aws:s3:::${bucket}${permission.includes('s3:List') ? '' : `/${key}`}; the connector’s README has whole policies.`,
);
const CREDENTIALS = meaning(
  'credentials',
  'rejected',
  'S3_CREDENTIALS',
  'Check credentials, profile or roleArn, and for temporary keys the sessionToken and when they expire.',
);
const NO_BUCKET = meaning(
  'noSuchBucket',
  'config',
  'S3_NO_SUCH_BUCKET',
  ({ bucket }) => `Create the bucket ${bucket}, or check its name, the endpoint and the account.`,
);
const WRONG_REGION = meaning('refused', 'config', 'S3_WRONG_REGION', ({ bucket, region }, answer) =>
  answer.region === undefined
    ? `The bucket ${bucket} is not in ${region}: set region to where it is.`
    : `The bucket ${bucket} is in ${answer.region}: set region: ${answer.region} (found ${region}).`,
);
export const CLOCK_SKEW = 'S3_CLOCK_SKEW';
const CLOCK = meaning(
  'refused',
  'rejected',
  CLOCK_SKEW,
  'The clock of this machine and that of the store differ by too much: let NTP set it.',
);
const GARBLED = meaning('unknown', 'unavailable', 'S3_BAD_DIGEST', 'Bytes changed on their way. It is tried again.');
const NAME = meaning(
  'refused',
  'config',
  'S3_BAD_NAME',
  'Check bucket and prefix: this store does not take the name. README: which stores are known good.',
);

/** By the code in the answer, which decides; the status speaks only where there is none. */
const BY_CODE: Readonly<Record<string, Meaning>> = {
  NoSuchKey: meaning('noSuchKey', 'rejected', 'S3_NO_SUCH_KEY', 'Find out what removed it.'),
  NotFound: meaning('noSuchKey', 'rejected', 'S3_NO_SUCH_KEY', 'Find out what removed it.'),
  NoSuchUpload: meaning(
    'noSuchUpload',
    'rejected',
    'S3_NO_SUCH_UPLOAD',
    'Find out what aborts uploads: a lifecycle rule, or somebody cleaning up.',
  ),
  NoSuchBucket: NO_BUCKET,
  PreconditionFailed: meaning(
    'preconditionFailed',
    'rejected',
    'S3_PRECONDITION_FAILED',
    'Something is there already.',
  ),
  ConditionalRequestConflict: meaning('conflict', 'unavailable', 'S3_CONFLICT', 'It is tried again.'),
  OperationAborted: meaning('conflict', 'unavailable', 'S3_CONFLICT', 'It is tried again.'),
  InvalidPart: meaning('invalidPart', 'rejected', 'S3_INVALID_PART', 'Find out what else writes into this upload.'),
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  Forbidden: DENIED,
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  ExpiredToken: CREDENTIALS,
  ExpiredTokenException: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  TokenRefreshRequired: CREDENTIALS,
  CredentialsProviderError: CREDENTIALS,
  PermanentRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  RequestTimeTooSkewed: CLOCK,
  BadDigest: GARBLED,
  XAmzContentChecksumMismatch: GARBLED,
  XAmzContentSHA256Mismatch: GARBLED,
  IncompleteBody: GARBLED,
  RequestTimeout: AWAY,
  InternalError: AWAY,
  SlowDown: THROTTLED,
  ServiceUnavailable: THROTTLED,
  TooManyRequests: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  InvalidBucketName: NAME,
  KeyTooLongError: NAME,
  KeyTooLong: NAME,
  ObjectParentIsFile: NAME,
  NotImplemented: meaning(
    'notImplemented',
    'config',
    'S3_NOT_IMPLEMENTED',
    'This store does not know a request that exactly-once needs. README: which stores are known good.',
  ),
};

const CERTIFICATE = meaning(
  'refused',
  'config',
  'S3_CERTIFICATE',
  'The certificate is not trusted: put the authority that signed it into a file and its path into NODE_EXTRA_CA_CERTS.',
);
const NO_SUCH_HOST = meaning('unknown', 'unavailable', 'S3_NO_SUCH_HOST', ({ endpoint, region, bucket }) =>
  endpoint === undefined
    ? `The name does not resolve: check region (${region}) and bucket (${bucket}).`
    : `The name does not resolve: check endpoint (${endpoint}), and set pathStyle: true for stores without a name per bucket.`,
);
const NOT_REACHED = meaning('unknown', 'unavailable', 'S3_UNAVAILABLE', ({ endpoint }) =>
  endpoint === undefined
    ? 'Check the network.'
    : `Nothing answers there: check endpoint (${endpoint}) and the network.`,
);
const BY_SYSTEM_CODE: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: NO_SUCH_HOST,
  EAI_AGAIN: NO_SUCH_HOST,
  ECONNREFUSED: NOT_REACHED,
  EHOSTUNREACH: NOT_REACHED,
  ENETUNREACH: NOT_REACHED,
  ...Object.fromEntries([...CERTIFICATE_CODES].map((code) => [code, CERTIFICATE])),
};

const PROXY_WANTS_PASSWORD = meaning(
  'denied',
  'rejected',
  'S3_PROXY',
  (action) => `${theProxy(action)} wants a user and a password, or others: http://user:password@host:port.`,
);
const PROXY_REFUSED = meaning(
  'denied',
  'rejected',
  'S3_PROXY',
  (action) =>
    `${theProxy(action)} does not let anybody through to the store: have it allowed there, or name the host in NO_PROXY.`,
);
const PROXY_FAILED = meaning(
  'unknown',
  'unavailable',
  'S3_PROXY',
  (action) => `${theProxy(action)} did not get through to the store. It is tried again.`,
);

const REFUSED = meaning('refused', 'rejected', 'S3_REFUSED', 'The cause says why.');

/** Gives what the SDK threw a reason and a sentence. */
export function toS3Error(cause: unknown, action: S3Action): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const answer = s3AnswerOf(cause);
  const { reason, kind, code, help } = meaningOf(answer);
  const { bucket, key, doing } = action;
  const said = isAbort(cause) ? 'called off' : describe(answer);
  const takes = code === DENIED.code ? `, it takes ${action.permission}` : '';
  return new S3Error(reason, kind, code, {
    message: `could not ${doing} s3:${bucket}/${key}: ${said}${takes}`,
    help: help(action, answer) + proxyHint(answer, code, action),
    details: { bucket, key, doing, answer: answer.code, status: answer.status, requestId: answer.requestId },
    cause,
  });
}

function meaningOf({ code, status, systemCode }: S3Answer): Meaning {
  if (status === 407) return PROXY_WANTS_PASSWORD;
  if (systemCode === 'ERR_PROXY_TUNNEL') return isRefusal(status) ? PROXY_REFUSED : PROXY_FAILED;
  const bySystem = systemCode === undefined ? undefined : BY_SYSTEM_CODE[systemCode];
  if (bySystem !== undefined) return bySystem;
  // No answer at all, or one that was cut off.
  if (status === undefined) return (code === undefined ? undefined : BY_CODE[code]) ?? AWAY;
  const byCode = code === undefined ? undefined : BY_CODE[code];
  return byCode ?? meaningOfStatus(status);
}

/** Answers to HEAD have no body, and proxies have their own: then only the status is left. */
function meaningOfStatus(status: number): Meaning {
  if (status === 301 || status === 307) return WRONG_REGION;
  if (status === 403) return DENIED;
  if (status === 404) return BY_CODE.NotFound as Meaning;
  if (status === 409) return BY_CODE.ConditionalRequestConflict as Meaning;
  if (status === 412) return BY_CODE.PreconditionFailed as Meaning;
  if (status === 429 || status === 503) return THROTTLED;
  if (status === 501) return BY_CODE.NotImplemented as Meaning;
  // A 200 that could not be read is an answer that says nothing.
  if (status >= 500 || status < 300) return AWAY;
  return REFUSED;
}

/** Of what does not pass by itself. */
const isRefusal = (status = 0) => status >= 400 && status < 500 && status !== 408 && status !== 429;

const theProxy = ({ proxy }: S3Action) =>
  proxy === undefined ? 'A proxy on the way' : `The proxy ${proxy.address} (${proxy.variable})`;

/** Where nothing shows that the store itself has spoken, it may have been the proxy, or nobody could reach it. */
function proxyHint({ status, code, requestId }: S3Answer, meaningCode: string, { proxy }: S3Action): string {
  const isOfStore = status !== undefined && (code !== undefined || requestId !== undefined);
  if (proxy === undefined || isOfStore || meaningCode === 'S3_PROXY') return '';
  return ` Requests go through the proxy ${proxy.address} (${proxy.variable}), unless NO_PROXY names the host.`;
}

function describe({ code, status, said, systemCode }: S3Answer): string {
  if (systemCode !== undefined) return `${said} (${systemCode})`;
  const what = [status, code].filter((part) => part !== undefined).join(' ');
  return what === '' ? said : `${said} (${what})`;
}
