import { Registry } from 'prom-client';
import { demoPrincipal, type Authenticate, type Principal } from '../../api/auth/principal.ts';
import type { createCommandApp } from '../../api/command-app.ts';
import type { HttpStackDeps } from '../../api/http-stack.ts';
import type { SagaControl } from '../../api/sagas/saga-control.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { createLogger } from '../../platform/logger.ts';

/** What both apps need, silent; whoever asks may do everything. */
export const httpDeps = (): HttpStackDeps => ({
  authenticate: () => Promise.resolve(demoPrincipal),
  logger: createLogger('test', 'silent'),
  registry: new Registry(),
  checks: {},
});

/** Of a command API; an order needs no key. */
export const commandSettings: Pick<Parameters<typeof createCommandApp>[0], 'queue' | 'idempotency'> = {
  queue: { capacity: 100, batchSize: 50 },
  idempotency: { isRequired: false, keyTtlMs: 24 * 3_600_000 },
};

/** Header in which a request of a test says whose it is: a principal as JSON. */
export const PRINCIPAL_HEADER = 'x-test-principal';

/** Believes a test's header; a request without it comes from nobody. */
export const principalOfHeader: Authenticate = (request) => {
  const principal = request.get(PRINCIPAL_HEADER);
  return principal === undefined
    ? Promise.reject(new OrderSystemError('UNAUTHENTICATED', 'send a principal'))
    : Promise.resolve(JSON.parse(principal) as Principal);
};

const unexpected = (): Promise<never> => Promise.reject(new Error('this test asks no saga'));
/** For tests in which no saga is asked. */
export const noSagas: SagaControl = {
  cancel: unexpected,
  decideApproval: unexpected,
  resolve: unexpected,
  stateOf: unexpected,
  start: unexpected,
};

/** The part of a problem that a caller acts upon. */
export interface ProblemBody {
  readonly type: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { field: string; message: string }[];
  readonly traceId: string;
}

const send = (
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Sends a JSON body. */
export const post = (url: string, body: unknown, headers?: Record<string, string>): Promise<Response> =>
  send('POST', url, body, headers);
export const putJson = (url: string, body: unknown): Promise<Response> => send('PUT', url, body);

/** @throws Error unless the answer is 2xx. */
export async function getJson<T>(url: string, headers: Readonly<Record<string, string>> = {}): Promise<T> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
