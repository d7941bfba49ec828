/** What an error of the SDK tells, without its classes: stores of other makes answer what no class was made for. */
export interface S3Answer {
  /** As in the XML of the answer, for example `NoSuchUpload`; undefined when there was none. */
  readonly code: string | undefined;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** Of the operating system or of Node, for example `ECONNRESET`. */
  readonly systemCode: string | undefined;
  /** Where the bucket is, if the answer says so. */
  readonly region: string | undefined;
  readonly requestId: string | undefined;
  readonly said: string;
}

interface SdkError extends Error {
  readonly code?: unknown;
  /** Of a proxy that makes no tunnel. */
  readonly statusCode?: number;
  readonly Region?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** Names that the SDK makes up when it knows nothing better, or that are those of JavaScript. */
const NOT_A_CODE = new Set([
  'Error',
  'TypeError',
  'SyntaxError',
  'AbortError',
  'TimeoutError',
  'Unknown',
  'UnknownError',
]);

export function s3AnswerOf(cause: unknown): S3Answer {
  const error = (cause instanceof Error ? cause : new Error(String(cause))) as SdkError;
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode ?? error.statusCode;
  const hasName = !NOT_A_CODE.has(error.name) && !/^\d+$/.test(error.name);
  return {
    code: hasName ? error.name : undefined,
    status,
    systemCode: systemCodeOf(error),
    region: textOf(error.Region) ?? error.$response?.headers?.['x-amz-bucket-region'],
    requestId: error.$metadata?.requestId,
    said: error.message === '' ? error.name : error.message,
  };
}

/** The caller’s own signal ended it. */
export function isAbort(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'AbortError';
}

/** Several addresses tried at once fail with an `AggregateError`; their reasons are one. */
function systemCodeOf(error: SdkError): string | undefined {
  const own = textOf(error.code);
  if (own !== undefined && /^[A-Z][A-Z_]+$/.test(own)) return own;
  return error.cause instanceof Error ? systemCodeOf(error.cause as SdkError) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
