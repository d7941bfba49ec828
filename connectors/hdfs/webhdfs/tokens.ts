import type { z } from 'zod';
import type { Env } from '../../../core/spi.ts';
import { ANSWERS } from './answers.ts';
import { isHdfsError } from './errors.ts';
import type { Query } from './path.ts';
import type { Authenticator, Negotiate, Proof } from './proof.ts';

/** NameNodes keep a token for a day unless it is renewed, and for a week at most (both can be set shorter there). */
const RENEW_EVERY_MS = 3_600_000;

/** How tokens are had of a NameNode: by calls that are put to it once. */
export interface TokenCalls {
  askForToken(call: TokenCall): Promise<string>;
  ask<T>(call: TokenCall, form: z.ZodType<T>): Promise<T>;
}

interface TokenCall {
  readonly name: 'GETDELEGATIONTOKEN' | 'RENEWDELEGATIONTOKEN';
  readonly path: string;
  readonly query: Query;
  /** SPNEGO: no token gets another one. */
  readonly isPrimary: true;
  readonly onceAt: string;
}

const AT_ROOT = { path: '/', isPrimary: true } as const;

interface HeldToken {
  readonly proof: Proof;
  readonly token: string;
  goodUntilMs: number;
}

/**
 * Kerberos: SPNEGO gets a delegation token, and every other call shows the token, which asks no KDC and follows the redirect to
 * a DataNode. It is renewed every hour, and got anew when that is refused, or when a call is.
 */
export class DelegationTokens implements Authenticator {
  readonly #parts: DelegationTokensParts;
  #held: HeldToken | undefined;
  #coming: Promise<HeldToken> | undefined;

  constructor(parts: DelegationTokensParts) {
    this.#parts = parts;
  }

  async proofFor(base: string): Promise<Proof> {
    const held = this.#held;
    if (held !== undefined && this.#parts.env.clock.monotonicMs() < held.goodUntilMs) return held.proof;
    // One for all who ask meanwhile, and so without the signal of any of them; the call itself is bounded in time.
    this.#coming ??= this.#next(base, held).finally(() => {
      this.#coming = undefined;
    });
    return (await this.#coming).proof;
  }

  async primaryProofFor(base: string): Promise<Proof> {
    const token = await this.#parts.negotiate(new URL(base).hostname);
    return { query: {}, headers: { authorization: `Negotiate ${token}` } };
  }

  refused(proof: Proof): boolean {
    if (this.#held?.proof === proof) this.#held = undefined;
    return true;
  }

  async #next(base: string, held: HeldToken | undefined): Promise<HeldToken> {
    const { calls, env, renewer } = this.#parts;
    if (held !== undefined) {
      try {
        const query = { token: held.token };
        await calls.ask({ ...AT_ROOT, name: 'RENEWDELEGATIONTOKEN', query, onceAt: base }, ANSWERS.time);
        held.goodUntilMs = env.clock.monotonicMs() + RENEW_EVERY_MS;
        return held;
      } catch (error) {
        // Too old, cancelled, or of a NameNode that has forgotten it; anything else a new one would meet as well.
        if (!isHdfsError(error, 'credentials', 'denied', 'refused')) throw error;
        env.log.info('the delegation token cannot be renewed; a new one is got', { cause: error.message });
      }
    }
    const token = await calls.askForToken({
      ...AT_ROOT,
      name: 'GETDELEGATIONTOKEN',
      query: { renewer },
      onceAt: base,
    });
    const goodUntilMs = env.clock.monotonicMs() + RENEW_EVERY_MS;
    this.#held = { proof: { query: { delegation: token }, headers: {} }, token, goodUntilMs };
    return this.#held;
  }
}

export interface DelegationTokensParts {
  readonly negotiate: Negotiate;
  readonly calls: TokenCalls;
  /** Who may renew it; has to be ourselves. */
  readonly renewer: string | undefined;
  readonly env: Pick<Env, 'clock' | 'log'>;
}
