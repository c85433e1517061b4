import { randomFillSync } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

/** Version, trace id, parent id and flags of a W3C trace context; all-zero ids are invalid. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

const RANDOM_BYTES = 4_096;
let random = Buffer.alloc(0);

/** Takes from random bytes that are fetched many at a time: fetching some for each request takes longer than all else here. */
function randomHex(bytes: number): string {
  if (random.length < bytes) random = randomFillSync(Buffer.allocUnsafe(RANDOM_BYTES));
  const taken = random.toString('hex', 0, bytes);
  random = random.subarray(bytes);
  return taken;
}

export const newTraceId = (): string => randomHex(16);

/** Goes on with the caller's trace, or begins one where there is none that is valid. */
export function traceparentAfter(given: string | string[] | undefined): {
  readonly traceparent: string;
  readonly traceId: string;
} {
  const traceId = TRACEPARENT.exec(String(given))?.[1] ?? newTraceId();
  return { traceparent: `00-${traceId}-${randomHex(8)}-01`, traceId };
}

/** Gives each request its trace, and tells it in the answer. */
export const traceRequests: RequestHandler = (request, response, next) => {
  const { traceparent } = traceparentAfter(request.get('traceparent'));
  response.locals[KEY] = traceparent;
  response.set('traceparent', traceparent);
  next();
};

const KEY = 'traceparent';

/** The trace context under which a request is answered. */
export const traceparentOf = (response: Response): string => String(response.locals[KEY] ?? '');

/** What a caller quotes when asking about a request, and the logs are searched for. */
export const traceIdOf = (response: Response): string => traceparentOf(response).split('-')[1] ?? '';
