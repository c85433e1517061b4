import type { KeyObject } from 'node:crypto';
import type { Request } from 'express';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { bearerTokenOf } from './bearer-token.ts';
import { principalOf } from './claims.ts';
import { InvalidToken, NoGuess } from './invalid-token.ts';
import type { Authenticate, Principal } from './principal.ts';
import { verificationKeys } from './verification-keys.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

interface Deps {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer publishes its keys, or its only key. */
  readonly keys: URL | KeyObject;
  /** Signatures that are taken. What a token says of itself is compared with it, never followed. */
  readonly algorithms: readonly string[];
  /** How far the issuer's clock may differ from ours, in s. */
  readonly clockToleranceS: number;
  readonly clock: Clock;
  /** How many verified tokens are remembered. */
  readonly remembered?: number;
  /** How soon after its keys were fetched the issuer is asked for one that is unknown, in ms. */
  readonly keysAskedAgainAfterMs?: number;
}

const REMEMBERED = 10_000;

/**
 * Lets in whoever has a bearer token (RFC 6750) that the issuer signed for us and that has not expired.
 * Claims: `sub`, `roles`, `customer_id`. A token without a role that we know is let in and may do nothing.
 */
export function createTokenAuthenticator(deps: Deps): Authenticate {
  const { clock } = deps;
  const keys = verificationKeys(deps.keys, deps.keysAskedAgainAfterMs);
  const verified = createVerifiedTokens(clock, deps.remembered ?? REMEMBERED);

  async function verify(token: string): Promise<JWTPayload> {
    const options = {
      issuer: deps.issuer,
      audience: deps.audience,
      algorithms: [...deps.algorithms],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: deps.clockToleranceS,
      currentDate: clock.now(),
    };
    try {
      return (await jwtVerify(token, keys, options)).payload;
    } catch (error) {
      throw error instanceof errors.JOSEError ? invalid(error) : error;
    }
  }

  const authenticate = async (request: Request): Promise<Principal> => {
    const token = bearerTokenOf(request);
    if (token === undefined)
      throw new OrderSystemError(
        'UNAUTHENTICATED',
        'this takes a token; send the header Authorization: Bearer <token>',
      );
    const known = verified.find(token);
    if (known) return known;
    const claims = await verify(token);
    const { exp = 0 } = claims;
    const principal = { ...principalOf(claims), expiresAt: (exp + deps.clockToleranceS) * 1_000 };
    verified.add(token, principal, exp * 1_000);
    return principal;
  };
  return Object.assign(authenticate, {
    known: (request: Request) => {
      const token = bearerTokenOf(request);
      return token === undefined ? undefined : verified.find(token);
    },
  });
}

/** Those of claims come after the signature was found good. */
const noGuesses = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

const invalid = (error: errors.JOSEError): InvalidToken =>
  noGuesses.some((kind) => error instanceof kind)
    ? new NoGuess(reasonOf(error))
    : new InvalidToken(reasonOf(error));

/** Claims are only looked at after the signature: whoever cannot sign learns nothing of what is expected. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired; get a new one';
  if (error instanceof errors.JWTClaimValidationFailed) return claimReasonOf(error);
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed in a way that is not taken here';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the token’s signature is not good';
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'the token is signed with a key that is not known; when it is new, repeat the request in half a minute';
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'the token does not say with which of several keys it is signed (kid)';
  return 'what was sent as a token is no signed JWT';
}

function claimReasonOf({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `the token has no ${claim}`;
  if (reason === 'invalid') return `the token has an ${claim} of the wrong type`;
  switch (claim) {
    case 'nbf':
      return 'the token is not valid yet (nbf)';
    case 'iss':
      return 'the token comes from another issuer (iss)';
    case 'aud':
      return 'the token is meant for somebody else (aud)';
    default:
      return `the token’s ${claim} cannot be used`;
  }
}
