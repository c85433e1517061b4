import type { Request, RequestHandler, Response, Router } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';
import { requireRole } from '../auth/policy.ts';
import type { Authenticate, Principal } from '../auth/principal.ts';
import { allowOnly } from '../problems.ts';
import { newId } from '../../platform/clock.ts';
import { strictRouter } from '../../platform/strict-router.ts';
import { validate, validateBody } from '../validation.ts';
import type { AnswerBody, Contract, Parsed } from './contract.ts';

/** A request that its contract lets through. */
export type Call<C extends Contract> = Parsed<C> & {
  readonly principal: Principal;
  /** Of a command: its id in the audit, and the cause of what follows from it. */
  readonly commandId: string;
  readonly request: Request;
  /** Takes the bodies that the contract names. */
  readonly response: Response<AnswerBody<C>>;
};

/** A contract with what carries it out. */
export interface Endpoint {
  readonly contract: Contract;
  readonly handle: (call: Call<Contract>) => Promise<void>;
  /** Throws when there is no room for another request, before anything else is found out about it. */
  readonly requireRoom?: () => void;
}

export const endpoint = <C extends Contract>(
  contract: C,
  handle: (call: Call<C>) => Promise<void>,
  options: Pick<Endpoint, 'requireRoom'> = {},
): Endpoint => ({ ...options, contract, handle: handle as Endpoint['handle'] });

interface ServeDeps {
  readonly authenticate: Authenticate;
  /** Of the whole system, also those that another process serves: they tell which methods a path takes. */
  readonly contracts: readonly Contract[];
  /** Runs for a caller who is known. */
  readonly limitRate: RequestHandler;
  /** Runs for a caller who is let in, before the endpoint. */
  readonly before?: RequestHandler;
  readonly readBody: RequestHandler;
}

/**
 * Refuses what there is no room for, whoever asks: while more comes than can be dealt with, all that is done for a
 * request that is refused is taken from those that are not.
 */
export function refuseWithoutRoom(endpoints: readonly Endpoint[]): RequestHandler {
  const checks = new Map(
    endpoints.map(({ contract, requireRoom }) => [
      `${contract.method.toUpperCase()} ${contract.path}`,
      requireRoom,
    ]),
  );
  return (request, _response, next) => {
    checks.get(`${request.method} ${request.path}`)?.();
    next();
  };
}

/**
 * Serves endpoints: who calls, how often and what they may is found out first, then body and parameters are read.
 */
export function serveEndpoints(
  endpoints: readonly Endpoint[],
  { authenticate, contracts, limitRate, before = pass, readBody }: ServeDeps,
): Router {
  const router = strictRouter();
  const identify: RequestHandler = async (request, response, next) => {
    response.locals[KEY] = await authenticate(request);
    next();
  };
  for (const { contract, handle } of endpoints) {
    const letIn: RequestHandler = (request, response, next) => {
      requireRole(callerOf(response), contract.policy);
      if (contract.method === 'get') prepareAnswer(contract, request, response);
      next();
    };
    const answer: RequestHandler = async (request, response) => {
      const { params, query, body } = contract;
      refuseControlCharacters(request);
      await handle({
        principal: callerOf(response),
        commandId: newId(),
        params: params && validate(params, request.params),
        query: query && validate(query, request.query),
        body: body && validateBody(body, request.body),
        request,
        response,
      } as Call<Contract>);
    };
    const bodies = contract.body ? [readBody] : [];
    const steps = [identify, limitRate, letIn, before, ...bodies, answer];
    router.route(toExpress(contract.path))[contract.method](...steps);
  }
  for (const path of new Set(endpoints.map(({ contract }) => contract.path)))
    router.all(toExpress(path), allowOnly(...methodsOf(path, contracts)));
  return router;
}

/**
 * No name of ours has a control character in it, and PostgreSQL keeps no NUL: nothing is at such a path.
 * @throws OrderSystemError NOT_FOUND
 */
function refuseControlCharacters({ method, path, params }: Request): void {
  if (Object.values(params).some((value) => /\p{Cc}/u.test(String(value))))
    throw new OrderSystemError('NOT_FOUND', `there is nothing at ${method} ${path}`);
}

function prepareAnswer(
  { cacheControl = 'private, no-cache' }: Contract,
  request: Request,
  response: Response,
): void {
  response.set('Cache-Control', cacheControl).vary('Authorization');
  // `no-cache` asks us to confirm a copy, which 304 does; fetch() adds it, and Express would take it for a reload.
  if (request.headers['if-none-match'] !== undefined) delete request.headers['cache-control'];
}

const KEY = 'principal';

/** Who makes a request that was authenticated. */
export const callerOf = (response: Response): Principal => response.locals[KEY] as Principal;

const pass: RequestHandler = (_request, _response, next) => {
  next();
};

/** `/orders/{id}` → `/orders/:id` */
const toExpress = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Express answers HEAD wherever it answers GET. */
const methodsOf = (path: string, contracts: readonly Contract[]): string[] =>
  contracts
    .filter((contract) => contract.path === path)
    .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : ['POST']));
