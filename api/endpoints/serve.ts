import { Router, type Request, type RequestHandler, type Response } from 'express';
import { requireRole } from '../auth/policy.ts';
import type { Authenticate, Principal } from '../auth/principal.ts';
import { allowOnly } from '../problems.ts';
import { readBody, validate, validateBody } from '../validation.ts';
import type { AnswerBody, Contract, Parsed } from './contract.ts';

/** A request that its contract lets through. */
export type Call<C extends Contract> = Parsed<C> & {
  readonly principal: Principal;
  readonly request: Request;
  /** Takes the bodies that the contract names. */
  readonly response: Response<AnswerBody<C>>;
};

/** A contract with what carries it out. */
export interface Endpoint {
  readonly contract: Contract;
  readonly handle: (call: Call<Contract>) => Promise<void>;
}

export const endpoint = <C extends Contract>(
  contract: C,
  handle: (call: Call<C>) => Promise<void>,
): Endpoint => ({ contract, handle: handle as Endpoint['handle'] });

interface ServeDeps {
  readonly authenticate: Authenticate;
  /** Of the whole system, also those that another process serves: they tell which methods a path takes. */
  readonly contracts: readonly Contract[];
  /** Runs for a caller who is let in, before the endpoint. */
  readonly before?: RequestHandler;
}

/** Serves endpoints: who calls and what they may is found out first, then body and parameters are read. */
export function serveEndpoints(
  endpoints: readonly Endpoint[],
  { authenticate, contracts, before = pass }: ServeDeps,
): Router {
  const router = Router();
  for (const { contract, handle } of endpoints) {
    const letIn: RequestHandler = async (request, response, next) => {
      const principal = await authenticate(request);
      requireRole(principal, contract.policy);
      response.locals[KEY] = principal;
      next();
    };
    const answer: RequestHandler = async (request, response) => {
      const { params, query, body } = contract;
      await handle({
        principal: response.locals[KEY] as Principal,
        params: params && validate(params, request.params),
        query: query && validate(query, request.query),
        body: body && validateBody(body, request.body),
        request,
        response,
      } as Call<Contract>);
    };
    const bodies = contract.body ? [readBody] : [];
    router.route(toExpress(contract.path))[contract.method](letIn, before, ...bodies, answer);
  }
  for (const path of new Set(endpoints.map(({ contract }) => contract.path)))
    router.all(toExpress(path), allowOnly(...methodsOf(path, contracts)));
  return router;
}

const KEY = 'principal';

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
