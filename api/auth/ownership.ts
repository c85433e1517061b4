import { OrderSystemError } from '../../domain/errors.ts';
import { FieldProblem } from '../field-problem.ts';
import type { Principal } from './principal.ts';

/** Those who act for others. Everybody else sees and changes their own orders only. */
export const actsForOthers = ({ roles }: Principal): boolean =>
  roles.includes('operator') || roles.includes('admin');

/** Whether somebody may see and change the orders of a customer; to whom they may not, those do not exist. */
export const mayAccessOrdersOf = (principal: Principal, customerId: string): boolean =>
  actsForOthers(principal) || principal.customerId === customerId;

/**
 * Whose order a request is about that may name the customer.
 * @returns the one it names, or the caller. @throws OrderSystemError FORBIDDEN, FieldProblem VALIDATION_FAILED
 */
export function customerOf(principal: Principal, named: string | undefined): string {
  const customerId = named ?? principal.customerId;
  if (customerId === undefined) {
    throw new FieldProblem('VALIDATION_FAILED', [
      { field: 'customerId', message: 'is required from a caller who is no customer' },
    ]);
  }
  requireAccess(principal, customerId);
  return customerId;
}

/**
 * Whose orders a list may show.
 * @returns undefined for everybody's. @throws OrderSystemError FORBIDDEN
 */
export function customersListed(principal: Principal, named: string | undefined): string | undefined {
  if (named === undefined && actsForOthers(principal)) return undefined;
  return customerOf(principal, named);
}

function requireAccess(principal: Principal, customerId: string): void {
  if (mayAccessOrdersOf(principal, customerId)) return;
  throw new OrderSystemError(
    'FORBIDDEN',
    'customerId: only an operator may name another customer; leave it out',
  );
}
