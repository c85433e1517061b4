import { randomBytes } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

/** Version, trace id, parent id and flags of a W3C trace context; all-zero ids are invalid. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Goes on with the caller's trace or begins one, and tells it in the answer. */
export const traceRequests: RequestHandler = (request, response, next) => {
  const given = request.get('traceparent');
  const traceId = TRACEPARENT.exec(given ?? '')?.[1] ?? randomBytes(16).toString('hex');
  const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
  response.locals[KEY] = traceparent;
  response.set('traceparent', traceparent);
  next();
};

const KEY = 'traceparent';

/** The trace context under which a request is answered. */
export const traceparentOf = (response: Response): string => String(response.locals[KEY] ?? '');

/** What a caller quotes when asking about a request, and the logs are searched for. */
export const traceIdOf = (response: Response): string => traceparentOf(response).split('-')[1] ?? '';
