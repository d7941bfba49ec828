import type { Query } from './path.ts';

/** What a request shows to prove who asks. */
export interface Proof {
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Authenticator {
  /** For any call to this NameNode. */
  proofFor(base: string): Promise<Proof>;
  /** For calls that a delegation token is not good enough for. */
  primaryProofFor(base: string): Promise<Proof>;
  /** This proof was refused. True: the next one is another, and worth a try. */
  refused(proof: Proof): boolean;
}

/** A token for SPNEGO, in base64, that proves who we are to the HTTP service of a host. */
export type Negotiate = (host: string) => Promise<string>;
