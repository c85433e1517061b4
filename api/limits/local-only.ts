import type { RequestHandler } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';
import { notLocal } from '../../platform/local-requests.ts';

const codes = { 421: 'MISDIRECTED_REQUEST', 403: 'FORBIDDEN' } as const;

/** For an API that authenticates nobody. @param origins whose pages may send commands */
export const letInLocal =
  (origins: readonly string[]): RequestHandler =>
  (request, _response, next) => {
    const refused = notLocal(request, origins);
    next(refused && new OrderSystemError(codes[refused.status], refused.message));
  };
