import type { ErrorRequestHandler, RequestHandler } from 'express';
import { UnusableBody } from '../platform/json-body.ts';
import { onlyLocal } from '../platform/local-requests.ts';
import type { Logger } from '../platform/logger.ts';
import { sendProblem } from '../platform/plain-problem.ts';

/** Keeps pages of other sites away from a worker whose faults can be turned. */
export const letInLocal: RequestHandler = (request, response, next) => {
  onlyLocal(() => {
    next();
  })(request, response);
};

/** Answers errors of the dials as `application/problem+json`, without what is technical about them. */
export const answerDialErrors =
  (logger: Logger): ErrorRequestHandler =>
  (error: unknown, request, response, _next) => {
    if (error instanceof UnusableBody) {
      sendProblem(response, error.status, error.message);
      return;
    }
    logger.error({ err: error, method: request.method, path: request.path }, 'unforeseen error');
    sendProblem(response, 500, 'the log of the worker says why');
  };
