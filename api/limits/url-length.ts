import type { RequestHandler } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';

/** Several times what the longest query of ours takes. */
const MAX_URL_LENGTH = 2_048;

export const boundUrlLength: RequestHandler = ({ url }, _response, next) => {
  next(
    url.length > MAX_URL_LENGTH
      ? new OrderSystemError('URL_TOO_LONG', `an address may have ${MAX_URL_LENGTH} characters; send fewer`)
      : undefined,
  );
};
