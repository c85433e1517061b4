import { Registry } from 'prom-client';
import type { HttpStackDeps } from '../../api/http-stack.ts';
import { createLogger } from '../../platform/logger.ts';

/** What both apps need, silent. */
export const httpDeps = (): HttpStackDeps => ({
  logger: createLogger('test', 'silent'),
  registry: new Registry(),
  checks: {},
});

/** The part of a problem that a caller acts upon. */
export interface ProblemBody {
  readonly type: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { field: string; message: string }[];
  readonly traceId: string;
}
