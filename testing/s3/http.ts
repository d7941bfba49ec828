/** One HTTP request as a server has it once the body has arrived. */
export interface S3Request {
  readonly method: string;
  readonly host: string;
  /** Path-style and still percent-encoded: `/bucket/key`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Belongs to the model from here on. */
  readonly body: Buffer;
}

export interface S3Response {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export const NO_BODY = Buffer.alloc(0);

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Record<string, string> = {}): S3Response {
  return { status, headers, body: NO_BODY };
}

/** `2026-01-01T00:00:00.000Z`, as listings give times. */
export const isoTime = (ms: number) => new Date(ms).toISOString();

/** `Thu, 01 Jan 2026 00:00:00 GMT`, as headers give times. */
export const httpTime = (ms: number) => new Date(ms).toUTCString();
