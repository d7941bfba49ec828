import type { Env } from '../../../core/spi.ts';
import type { HdfsAuth } from '../settings.ts';
import type { Authenticator, Negotiate, Proof } from './proof.ts';
import { DelegationTokens, type TokenCalls } from './tokens.ts';

export interface AuthenticatorParts {
  readonly user: string | undefined;
  readonly auth: HdfsAuth;
  readonly negotiate: Negotiate;
  readonly calls: TokenCalls;
  readonly env: Pick<Env, 'clock' | 'log'>;
}

export function authenticatorOf({ user, auth, negotiate, calls, env }: AuthenticatorParts): Authenticator {
  switch (auth.type) {
    case 'simple':
      return always({ query: { 'user.name': user }, headers: {} });
    case 'delegationToken':
      return always({ query: { delegation: auth.token }, headers: {} });
    case 'basic': {
      const text = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
      return always({ query: {}, headers: { authorization: `Basic ${text}` } });
    }
    case 'bearer':
      return always({ query: {}, headers: { authorization: `Bearer ${auth.token}` } });
    case 'kerberos':
      return new DelegationTokens({ negotiate, calls, renewer: auth.renewer ?? user, env });
  }
}

function always(proof: Proof): Authenticator {
  return { proofFor: async () => proof, primaryProofFor: async () => proof, refused: () => false };
}
