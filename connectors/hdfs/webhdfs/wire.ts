/** One HTTP request as this connector makes it: absolute URL, final headers, body of known length or streamed. */
export interface WireRequest {
  readonly method: string;
  /** Absolute, already encoded; sent as it is. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * A buffer is sent with its length; an iterable in chunks, unless the headers say `content-length`. The next chunk is asked for
   * once the memory of this one is not in use any more.
   */
  readonly body?: Buffer | AsyncIterable<Buffer>;
}

/** The final answer to one request; interim answers (100 Continue) never show. */
export interface WireResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be read to its end or given up with `return()`; only then is the connection free. */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * The seam between the client and the network: one request, one answer, no redirect followed, nothing retried. An answer may
 * come before the whole body is sent; the rest of it is then not asked for.
 *
 * Rejects when there is no answer: with a `WireError`, with the reason of `signal`, or with what the body threw.
 */
export interface WireExchange {
  exchange(request: WireRequest, options: { readonly signal?: AbortSignal | undefined }): Promise<WireResponse>;
}

/** There is no answer, or it broke off. */
export class WireError extends Error {
  override readonly name = 'WireError';
  /** Of the operating system or of Node, for example `ECONNRESET`. */
  readonly code: string | undefined;
  /** False: no connection was made, so nothing can have happened. True: it may have taken effect, or may still. */
  readonly isSent: boolean;

  constructor(message: string, facts: { isSent: boolean; code?: string | undefined; cause?: unknown }) {
    super(message, { cause: facts.cause });
    this.isSent = facts.isSent;
    this.code = facts.code;
  }
}
