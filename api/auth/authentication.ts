import type { Request } from 'express';
import type { Clock } from '../../platform/clock.ts';
import type { TokenSettings } from '../../platform/auth-settings.ts';
import { bearerTokenOf } from './bearer-token.ts';
import { InvalidToken } from './invalid-token.ts';
import { demoPrincipal, type Authenticate, type Principal } from './principal.ts';
import { createTokenAuthenticator } from './token-authenticator.ts';

interface AuthSettings {
  readonly tokens: TokenSettings | undefined;
  readonly demo: boolean;
}

/** Finds out who asks as an installation has been told to. */
export function createAuthentication({ tokens, demo }: AuthSettings, clock: Clock): Authenticate {
  const withToken = tokens ? createTokenAuthenticator({ ...tokens, clock }) : refuseTokens;
  if (!demo) return withToken;
  const authenticate = async (request: Request): Promise<Principal> =>
    bearerTokenOf(request) === undefined ? demoPrincipal : withToken(request);
  return Object.assign(authenticate, withToken.known && { known: withToken.known });
}

const refuseTokens: Authenticate = () =>
  Promise.reject(
    new InvalidToken('tokens cannot be checked here: AUTH_ISSUER and its key are not set; send no token'),
  );
