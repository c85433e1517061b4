import { STATUS_CODES } from 'node:http';
import { OrderSystemError } from '../../domain/errors.ts';
import type { UnreadableRequestHandler } from '../../platform/http-server.ts';
import type { Logger } from '../../platform/logger.ts';
import { problemOf } from '../problems.ts';
import { newTraceId } from '../trace.ts';

/** Answers what never became a request – too slow, too large, not HTTP – with a problem as well. */
export const answerUnreadable =
  (logger: Logger): UnreadableRequestHandler =>
  (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const traceId = newTraceId();
    const { status, ...problem } = problemOf(toRequestError(error.code), traceId);
    logger.debug({ err: error, traceId }, 'a request could not be read');
    const body = JSON.stringify({ ...problem, status });
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
        'Content-Type: application/problem+json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  };

function toRequestError(code: string | undefined): OrderSystemError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new OrderSystemError(
      'HEADERS_TOO_LARGE',
      'address and headers may have 16 KB together; send less',
    );
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new OrderSystemError('REQUEST_TIMEOUT', 'the request did not arrive in time; send it faster');
  return new OrderSystemError('MALFORMED_REQUEST', 'the request could not be parsed; send HTTP/1.1');
}
