import type { z } from 'zod';
import type { Policy } from '../auth/policy.ts';

/**
 * What one route takes, and from whom. Said once: the router, the check of roles, the OpenAPI document and the tests
 * of who may do what all come from it.
 */
export interface Contract {
  readonly method: 'get' | 'post';
  /** With parameters as OpenAPI writes them: `/orders/{id}`. */
  readonly path: `/${string}`;
  /** Unique; a verb and what it is about. */
  readonly operationId: string;
  /** One line for people. */
  readonly summary: string;
  readonly policy: Policy;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  /** JSON. */
  readonly body?: z.ZodType;
  /** How the audit is told. Absent: the route changes nothing. */
  readonly audited?: Audited;
}

/**
 * `with its transaction`: the handler writes the entry, which is then there exactly when the command is.
 * Otherwise an entry is written before the command acts, and another one with what came of it.
 */
type Audited = 'with its transaction' | AuditedCommand;

export interface AuditedCommand {
  /** The path parameter that ends with the id of the order that it is about. */
  readonly orderIn?: string;
  /** Fields of the body that are kept. No personal data: what is written stays. */
  readonly keeps: readonly string[];
}

type Part = 'params' | 'query' | 'body';

/** What a handler is given: the parts of a request that its contract names, parsed. */
export type Parsed<C extends Contract> = {
  readonly [P in Part]: C[P] extends z.ZodType ? z.output<C[P]> : undefined;
};

/** Keeps the types of the parts. */
export const contract = <const C extends Contract>(given: C): C => given;
