import { OrderSystemError } from '../../domain/errors.ts';
import type { Principal, Role } from './principal.ts';

/** The roles of which a caller needs one. */
export type Policy = readonly [Role, ...Role[]];

/** @throws OrderSystemError FORBIDDEN */
export function requireRole({ roles }: Principal, policy: Policy): void {
  if (policy.some((role) => roles.includes(role))) return;
  throw new OrderSystemError('FORBIDDEN', `this takes one of the roles ${policy.join(', ')}`);
}
