import type { KeyObject } from 'node:crypto';
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { OrderSystemError } from '../../domain/errors.ts';

/** In ms. Requests wait for it only while no keys are there, or for a key that is not among them. */
const FETCHED_WITHIN_MS = 3_000;
/** After this, keys that are still in use are fetched again, and those withdrawn are not taken any more. */
const KEPT_MS = 10 * 60_000;
/** Unknown keys make us ask the issuer again, but tokens that anybody made up must not make us ask all the time. */
const ASKED_AGAIN_AFTER_MS = 30_000;
/** An issuer that does not answer is not asked for each token that names an unknown key. */
const FAILED_AGAIN_AFTER_MS = 1_000;

/** The keys that a token may be signed with: one, or those that the issuer publishes. */
export const verificationKeys = (
  keys: URL | KeyObject,
  askedAgainAfterMs = ASKED_AGAIN_AFTER_MS,
): KeyObject | JWTVerifyGetKey => (keys instanceof URL ? publishedKeys(keys, askedAgainAfterMs) : keys);

function publishedKeys(url: URL, cooldownDuration: number): JWTVerifyGetKey {
  const find = createRemoteJWKSet(url, {
    timeoutDuration: FETCHED_WITHIN_MS,
    cacheMaxAge: KEPT_MS,
    cooldownDuration,
    [customFetch]: restAfterFailure(Math.min(FAILED_AGAIN_AFTER_MS, cooldownDuration)),
  });
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (error) {
      if (isAboutTheToken(error)) throw error;
      throw new OrderSystemError(
        'UNAVAILABLE',
        'the keys that tokens are checked with cannot be had now; repeat the request',
        { cause: error },
      );
    }
  };
}

/**
 * Fetches, and once keys were fetched fails at once for a while after a failure. Without any keys nobody can be let in,
 * and each request may find out whether they are back. @param restMs counted from the failure's end
 */
function restAfterFailure(restMs: number): FetchImplementation {
  let isFetched = false;
  let failure: { readonly error: unknown; readonly until: number } | undefined;
  const fail = (error: unknown): never => {
    failure = { error, until: performance.now() + restMs };
    throw error;
  };
  return async (url, options) => {
    if (isFetched && failure && performance.now() < failure.until) throw failure.error;
    const response = await fetch(url, options).catch(fail);
    // The library takes nothing but 200.
    if (response.status !== 200) fail(new Error(`${url} answers ${response.status}`));
    isFetched = true;
    failure = undefined;
    return response;
  };
}

const isAboutTheToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
