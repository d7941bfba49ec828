/** What becomes of one request on its way to a model behind a port, and back. */
export type ServerFault =
  /** The connection is cut before an answer: once so many bytes of its body have come, at the latest at its end. */
  | { readonly kind: 'resetBefore'; readonly bodyBytes?: number }
  /** It takes effect, and instead of an answer the connection is cut. */
  | { readonly kind: 'resetAfter' }
  /** It takes effect, and no answer ever comes. */
  | { readonly kind: 'lostResponse' }
  /** It takes effect, and is answered, so much later. */
  | { readonly kind: 'slow'; readonly ms: number };

/** Timers of answers that come late; those that have not come by `stop` never do. */
export class LateAnswers {
  readonly #timers = new Set<NodeJS.Timeout>();

  readonly later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  };

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
