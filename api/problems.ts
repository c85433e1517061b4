import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { isDatabaseOutOfReach } from '../db/database-failures.ts';
import { OrderSystemError, requestErrors, type RequestError } from '../domain/errors.ts';
import { isMessagingOutOfReach } from '../messaging/connection.ts';
import { UnusableBody } from '../platform/json-body.ts';
import type { Logger } from '../platform/logger.ts';
import { InvalidToken } from './auth/invalid-token.ts';
import { FieldProblem, fieldErrorSchema } from './field-problem.ts';
import { RateLimited } from './limits/rate-limited.ts';
import { traceIdOf } from './trace.ts';

/** RFC 9457 problem details. */
export const problemSchema = z
  .object({
    type: z.string().describe('What happened; `about:blank` for a fault of ours'),
    title: z.string().describe('The same for every problem of a type'),
    status: z.int().min(400).max(599),
    detail: z.string().optional().describe('What to do about it'),
    errors: z.array(fieldErrorSchema).optional().describe('Each field at fault'),
    traceId: z.string().describe('To quote when asking about the request'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
type Problem = z.output<typeof problemSchema>;

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryAfterSeconds?: number;
}

/** The one mapping from our error codes to HTTP. */
export const problemKinds: Readonly<Record<RequestError, ProblemKind>> = {
  UNAUTHENTICATED: { status: 401, title: 'It is not known who asks' },
  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  VALIDATION_FAILED: { status: 400, title: 'Some fields cannot be used' },
  MALFORMED_JSON: { status: 400, title: 'The body is not JSON' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body has a type that is not understood' },
  UNKNOWN_SKU: { status: 422, title: 'Some products are not in the catalogue' },
  MIXED_CURRENCIES: { status: 422, title: 'The products are priced in different currencies' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  IDEMPOTENCY_KEY_IN_USE: {
    status: 409,
    title: 'A request with this idempotency key is under way',
    retryAfterSeconds: 1,
  },
  NOT_FOUND: { status: 404, title: 'Not found' },
  TOO_LATE_TO_CANCEL: { status: 409, title: 'The order can no longer be cancelled' },
  NOT_WAITING_FOR_APPROVAL: { status: 409, title: 'The order does not wait for approval' },
  NOT_STUCK: { status: 409, title: 'The saga does not wait for an operator' },
  RETRY_ONLY: { status: 409, title: 'This step can only be tried again' },
  SECOND_OPERATOR_REQUIRED: { status: 409, title: 'Another operator has to approve this' },
  NOT_ORPHANED: { status: 409, title: 'The order has not lost its saga' },
  NOT_PARKED: { status: 409, title: 'The row or event does not wait for an operator' },
  MALFORMED_REQUEST: { status: 400, title: 'The request is not HTTP as this server reads it' },
  MISDIRECTED_REQUEST: { status: 421, title: 'The request names another host' },
  URL_TOO_LONG: { status: 414, title: 'The address is too long' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  NOT_ACCEPTABLE: { status: 406, title: 'The answer cannot be had in this format' },
  OVERLOADED: { status: 503, title: 'Too many requests are waiting', retryAfterSeconds: 1 },
  EXPORTS_BUSY: { status: 503, title: 'Too many exports are under way', retryAfterSeconds: 10 },
  UNAVAILABLE: { status: 503, title: 'Not available at the moment', retryAfterSeconds: 2 },
};

/** `IDEMPOTENCY_KEY_REUSED` → `urn:durable-orders:problem:idempotency-key-reused`; never changes for a code. */
export const problemTypeOf = (code: RequestError): string =>
  `urn:durable-orders:problem:${code.toLowerCase().replaceAll('_', '-')}`;

export const notFound: RequestHandler = (request) => {
  throw new OrderSystemError('NOT_FOUND', `there is nothing at ${request.method} ${request.path}`);
};

/** For the other methods of a path that exists. */
export const allowOnly =
  (...methods: string[]): RequestHandler =>
  (request, response) => {
    response.set('Allow', methods.join(', '));
    throw new OrderSystemError('METHOD_NOT_ALLOWED', `${request.path} takes ${methods.join(', ')}`);
  };

/** Answers every error as `application/problem+json`; what nobody foresaw tells nothing but the trace id. */
export const createProblemHandler =
  (logger: Logger): ErrorRequestHandler =>
  (error: unknown, request, response, _next) => {
    const known = toRequestError(error);
    if (!known) {
      logger.error(
        { err: error, method: request.method, path: request.path, traceId: traceIdOf(response) },
        'unforeseen error',
      );
    } else if (known.code === 'UNAVAILABLE') {
      logger.warn({ err: error, traceId: traceIdOf(response) }, 'a request could not be served');
    }
    if (response.headersSent) {
      // Its caller has a part of it, and must not take that for the whole.
      response.destroy();
      return;
    }
    send(response, known);
  };

function send(response: Response, error: OrderSystemError | undefined): void {
  const traceId = traceIdOf(response);
  response.set('Cache-Control', 'no-store');
  if (!error) {
    const problem: Problem = { type: 'about:blank', title: 'Internal Server Error', status: 500, traceId };
    response.status(500).type('application/problem+json').json(problem);
    return;
  }
  const code = error.code as RequestError;
  const retryAfterSeconds =
    error instanceof RateLimited ? error.retryAfterSeconds : problemKinds[code].retryAfterSeconds;
  // RFC 6750, section 3: no error is named to whoever has sent nothing.
  if (code === 'UNAUTHENTICATED')
    response.set(
      'WWW-Authenticate',
      error instanceof InvalidToken ? 'Bearer error="invalid_token"' : 'Bearer',
    );
  if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
  const problem = problemOf(error, traceId);
  response.status(problem.status).type('application/problem+json').json(problem);
}

/** @param error with a code of the request errors */
export function problemOf(error: OrderSystemError, traceId: string): Problem {
  const code = error.code as RequestError;
  const { status, title } = problemKinds[code];
  return {
    type: problemTypeOf(code),
    title,
    status,
    detail: error.message,
    ...(error instanceof FieldProblem ? { errors: [...error.errors] } : {}),
    traceId,
  };
}

/** @returns undefined for what is our fault. */
function toRequestError(error: unknown): OrderSystemError | undefined {
  if (error instanceof OrderSystemError) return isRequestError(error.code) ? error : undefined;
  if (isDatabaseOutOfReach(error)) {
    return new OrderSystemError(
      'UNAVAILABLE',
      'the database cannot do this now; repeat the request, with the same Idempotency-Key if it had one',
    );
  }
  if (isMessagingOutOfReach(error))
    return new OrderSystemError('UNAVAILABLE', 'the event stream does not answer now; repeat the request');
  // Thrown for a path whose percent signs stand for no UTF-8.
  if (error instanceof URIError)
    return new FieldProblem('VALIDATION_FAILED', [
      { field: 'path', message: 'cannot be decoded; percent-encode it as UTF-8' },
    ]);
  if (error instanceof UnusableBody) return new OrderSystemError(bodyErrors[error.status], error.message);
  if (isHttpError(error))
    return new OrderSystemError(httpErrors[error.status] ?? 'MALFORMED_REQUEST', error.message);
  return undefined;
}

/** As Express and its middleware throw them (http-errors) for a request that they cannot answer. */
const isHttpError = (error: unknown): error is Error & { readonly status: number } =>
  error instanceof Error &&
  'expose' in error &&
  error.expose === true &&
  'status' in error &&
  typeof error.status === 'number' &&
  error.status >= 400 &&
  error.status < 500;

const httpErrors: Readonly<Partial<Record<number, RequestError>>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  408: 'REQUEST_TIMEOUT',
  413: 'BODY_TOO_LARGE',
  414: 'URL_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  421: 'MISDIRECTED_REQUEST',
  429: 'RATE_LIMITED',
  431: 'HEADERS_TOO_LARGE',
};

const isRequestError = (code: string): code is RequestError =>
  (requestErrors as readonly string[]).includes(code);

/** The code that a caller is told, or undefined for what is our fault. */
export const codeOf = (error: unknown): RequestError | undefined =>
  toRequestError(error)?.code as RequestError | undefined;

const bodyErrors = {
  400: 'MALFORMED_JSON',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
} as const satisfies Record<UnusableBody['status'], RequestError>;
