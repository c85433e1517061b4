import type { RequestHandler } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';
import { NotLocal, requireLocal } from '../../platform/local-requests.ts';

const codes = { 421: 'MISDIRECTED_REQUEST', 403: 'FORBIDDEN' } as const;

/** For an API that lets in whoever reaches it. @param origins whose pages may send commands */
export const letInLocal =
  (origins: readonly string[]): RequestHandler =>
  (request, _response, next) => {
    try {
      requireLocal(request, origins);
    } catch (error) {
      next(error instanceof NotLocal ? new OrderSystemError(codes[error.status], error.message) : error);
      return;
    }
    next();
  };
