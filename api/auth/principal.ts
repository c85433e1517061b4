import type { Request } from 'express';

/**
 * customer: own orders. operator: everybody's orders and the desk. analyst: figures without personal data.
 * admin: all of it.
 */
export const roles = ['customer', 'operator', 'analyst', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who makes a request, as the authentication found out. */
export interface Principal {
  /** Names one person or program, such as an operator in the audit. */
  readonly subject: string;
  readonly roles: readonly Role[];
  /** Whose orders are their own. Absent: nobody's. */
  readonly customerId?: string;
  /** Until when they may, in ms since the epoch. Absent: for as long as they like. */
  readonly expiresAt?: number;
}

export interface Authenticate {
  /** @throws OrderSystemError UNAUTHENTICATED, UNAVAILABLE when it cannot be found out now */
  (request: Request): Promise<Principal>;
  /** Who asks, where that was found out a moment ago; costs nothing. @throws InvalidToken for what is no token at all */
  readonly known?: (request: Request) => Principal | undefined;
}

/** Whoever asks without a token where AUTH_DEMO is set: on loopback, for development. */
export const demoPrincipal: Principal = { subject: 'demo', roles, customerId: 'customer-1' };
