/** One thing a connector has to keep, as plain data: give each case a fresh harness, in any test runner. */
export interface ConformanceCase<H> {
  /** A fact, as a sentence. */
  readonly name: string;
  /** Why this harness cannot show it; undefined when it can. Skip with this as the reason. */
  unsupported?(harness: H): string | undefined;
  /** Rejects with an assertion error when the promise is broken. */
  run(harness: H): Promise<void>;
}
