import { hash } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { Clock } from '../../platform/clock.ts';
import type { Principal } from './principal.ts';

/** Whose key is withdrawn is shut out after this, however long the token says that it is good. */
const KEPT_MS = 5 * 60_000;

interface Verified {
  readonly principal: Principal;
  readonly until: number;
}

/** Whom tokens speak for that were verified a moment ago: a signature costs 0.1 to 0.2 ms to check, a look-up 1 µs. */
export interface VerifiedTokens {
  find(token: string): Principal | undefined;
  /** @param expiresAt the token's `exp`, in ms since the epoch: it is never kept for longer */
  add(token: string, principal: Principal, expiresAt: number): void;
}

/** @param size how many are kept at least, and at most twice that: what was not used for longest makes room. */
export function createVerifiedTokens(clock: Clock, size: number): VerifiedTokens {
  const entries = new QuickLRU<string, Verified>({ maxSize: size });
  // Not the token itself: a dump of memory should not hold ten thousand keys to the door.
  const keyOf = (token: string): string => hash('sha256', token, 'base64');
  return {
    find: (token) => {
      const entry = entries.get(keyOf(token));
      return entry && clock.now().getTime() < entry.until ? entry.principal : undefined;
    },
    add: (token, principal, expiresAt) => {
      const until = Math.min(expiresAt, clock.now().getTime() + KEPT_MS);
      entries.set(keyOf(token), { principal, until });
    },
  };
}
