import type { RequestHandler } from 'express';
import { isEventStream } from '../platform/event-stream.ts';
import type { Logger } from '../platform/logger.ts';
import { traceIdOf } from './trace.ts';

/** A refusal is counted, and whatever is out of reach has been logged: a line for each would add to the load. */
const REFUSED = 503;

/**
 * Logs each request when it is over: a fault of ours, and a caller who left before the answer, as a warning, all
 * others for debugging. Nothing is prepared for what is not logged. Without query, which may hold personal data.
 */
export const logRequests =
  (logger: Logger): RequestHandler =>
  (request, response, next) => {
    const began = performance.now();
    response.once('close', () => {
      // Who listens to events leaves when they have heard enough.
      const isAnswered = response.writableFinished || isEventStream(response);
      const isFault = response.statusCode >= 500 && response.statusCode !== REFUSED;
      const level = isAnswered && !isFault ? 'debug' : 'warn';
      if (!logger.isLevelEnabled(level)) return;
      logger[level](
        {
          traceId: traceIdOf(response),
          method: request.method,
          path: request.originalUrl.split('?', 1)[0],
          ...(isAnswered ? { status: response.statusCode } : {}),
          ms: Math.round(performance.now() - began),
        },
        isAnswered ? 'request answered' : 'the caller left before the answer',
      );
    });
    next();
  };
