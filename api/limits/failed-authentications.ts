import { ipKeyGenerator, MemoryStore, type Options } from 'express-rate-limit';
import { OrderSystemError } from '../../domain/errors.ts';
import { NoGuess } from '../auth/invalid-token.ts';
import type { Authenticate } from '../auth/principal.ts';
import { RateLimited } from './rate-limited.ts';

const WINDOW_MS = 60_000;

/**
 * Bounds the guessing of tokens: after so many refused ones in a minute, an address is refused without a look at what
 * it sends, but for a token that was verified a moment ago. A request without a token guesses nothing and does not
 * count. Neither does a token with a good signature that has expired or is meant for somebody else, nor one whose key is
 * not known: an identity provider that begins to use a new key must not shut out those who have its tokens. IPv6
 * addresses count by their /56, which is what one subscriber is given.
 * @param perMinute 0: no bound
 */
export function boundGuessing(authenticate: Authenticate, perMinute: number): Authenticate {
  if (perMinute === 0) return authenticate;
  const refused = new MemoryStore();
  // The store reads nothing but the window of what a limiter would tell it.
  refused.init({ windowMs: WINDOW_MS } as Options);
  return async (request) => {
    if (request.get('Authorization') === undefined) return authenticate(request);
    const address = ipKeyGenerator(request.ip ?? 'unknown');
    const before = await refused.get(address);
    if (before && before.totalHits >= perMinute) {
      const known = authenticate.known?.(request);
      if (known) return known;
      throw new RateLimited(
        `${perMinute} tokens from this address were refused within a minute`,
        before.resetTime,
      );
    }
    try {
      return await authenticate(request);
    } catch (error) {
      if (isGuess(error)) await refused.increment(address);
      throw error;
    }
  };
}

const isGuess = (error: unknown): boolean =>
  error instanceof OrderSystemError && error.code === 'UNAUTHENTICATED' && !(error instanceof NoGuess);
