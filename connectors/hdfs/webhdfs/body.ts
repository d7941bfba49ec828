/** The body of a write, and what has become of it. */
export interface TrackedBody {
  readonly body: Buffer | AsyncIterable<Buffer>;
  /** Bytes of a stream have been taken, so that it cannot be sent from its start again. */
  readonly isTaken: boolean;
  /** What the stream threw: the failure of the caller’s own. */
  readonly failure: { readonly cause: unknown } | undefined;
}

export function trackedBody(body: Buffer | AsyncIterable<Buffer>): TrackedBody {
  if (Buffer.isBuffer(body)) return { body, isTaken: false, failure: undefined };
  const tracked = {
    isTaken: false,
    failure: undefined as TrackedBody['failure'],
    body: {
      async *[Symbol.asyncIterator]() {
        tracked.isTaken = true;
        try {
          yield* body;
        } catch (cause) {
          tracked.failure = { cause };
          throw cause;
        }
      },
    },
  };
  return tracked;
}
