/** One HTTP request as this connector makes it: absolute URL, final headers, body of known length or streamed. */
export interface WireRequest {
  readonly method: string;
  /** Absolute, already encoded; sent as it is. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A buffer is sent with its length; an iterable in chunks, unless the headers say `content-length`. */
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
 * The seam between the client and the network: one request, one answer, no redirect followed, nothing retried.
 * Rejects when there is no answer; whether the other side acted on the request is then unknown.
 */
export interface WireExchange {
  exchange(request: WireRequest, options: { readonly signal?: AbortSignal }): Promise<WireResponse>;
}
