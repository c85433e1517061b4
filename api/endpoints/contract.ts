import type { z } from 'zod';
import type { RequestError } from '../../domain/errors.ts';
import type { Policy } from '../auth/policy.ts';

/** What is sent when a request was carried out. */
export interface Answer {
  readonly description: string;
  readonly body: z.ZodType;
  /** Media type of the body; absent: application/json. */
  readonly contentType?: string;
  /** Other media types that the same can be had as, with what is special about each. */
  readonly alsoAs?: Readonly<Record<string, string>>;
  /** Beside those of every answer. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
}

/**
 * What one route takes, from whom, and what it answers. Said once: the router, the check of roles, the types of the
 * handlers, the OpenAPI document and the tests of who may do what all come from it.
 */
export interface Contract {
  readonly method: 'get' | 'post';
  /** With parameters as OpenAPI writes them: `/orders/{id}`. */
  readonly path: `/${string}`;
  /** Unique; a verb and what it is about. */
  readonly operationId: string;
  readonly tag: 'orders' | 'catalogue' | 'analytics' | 'operations';
  /** One line for people. */
  readonly summary: string;
  /** What the summary leaves open. */
  readonly description?: string;
  readonly policy: Policy;
  /** Whether a customer may do it with their own orders only; to them, others' do not exist. */
  readonly ownOrders?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Headers that the handler reads, beside those that every route takes. */
  readonly headers?: z.ZodObject;
  /** JSON. */
  readonly body?: z.ZodObject;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /**
   * Of a query that is answered from the read tables: it says how far these are behind, and waits for them where the
   * caller sends a `Read-Token`.
   */
  readonly fromViews?: true;
  /**
   * Of a GET, what may be done with a copy of its answer. Absent: `private, no-cache` – only the caller keeps it, and
   * asks each time whether it still holds. A copy would say that it is as fresh as when it was made, so none is used
   * without asking.
   */
  readonly cacheControl?: CacheControl;
  /** Why it may be refused, beside what any route refuses for. */
  readonly refusals?: readonly RequestError[];
  /** How the audit is told. Absent: the route changes nothing. */
  readonly audited?: Audited;
}

type CacheControl = 'private, no-cache' | 'no-store';

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

/** The bodies that a handler may send. */
export type AnswerBody<C extends Contract> = {
  readonly [S in keyof C['answers']]: C['answers'][S] extends Answer
    ? z.output<C['answers'][S]['body']>
    : never;
}[keyof C['answers']];

/** Keeps the types of the parts. */
export const contract = <const C extends Contract>(given: C): C => given;
