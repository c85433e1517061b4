import type { RequestHandler } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';
import { jsonBody } from '../../platform/json-body.ts';

export interface BodyLimits {
  /** Bodies that are read at the same time; with 64 KB each, this bounds the memory that they take. */
  readonly atOnce: number;
  /** How long one may take to arrive, in ms. */
  readonly withinMs: number;
}

const readBody = jsonBody('64kb');

export const defaultBodyLimits: BodyLimits = { atOnce: 256, withinMs: 10_000 };

/**
 * Reads JSON bodies, so many at a time and none for ever: beyond that callers get 503, and one who dawdles gets 408 and
 * loses the connection. Reads nothing before the handlers that come before it have let the caller in.
 */
export function readBodies({ atOnce, withinMs }: BodyLimits): RequestHandler {
  let reading = 0;
  return (request, response, next) => {
    if (reading >= atOnce) {
      next(new OrderSystemError('OVERLOADED', `${atOnce} bodies are being read already`));
      return;
    }
    reading += 1;
    let isSettled = false;
    // The parser also calls back when the connection that was given up has closed.
    const settle = (error?: unknown): void => {
      if (isSettled) return;
      isSettled = true;
      reading -= 1;
      clearTimeout(timer);
      next(error);
    };
    const timer = setTimeout(() => {
      // Whoever sends on after the answer would keep the connection busy.
      response.set('Connection', 'close');
      settle(
        new OrderSystemError(
          'REQUEST_TIMEOUT',
          `the body did not arrive within ${withinMs} ms; send it faster`,
        ),
      );
    }, withinMs);
    readBody(request, response, settle);
  };
}
