import type { RequestListener } from 'node:http';
import { Counter, type Registry } from 'prom-client';
import { OrderSystemError } from '../../domain/errors.ts';
import { problemOf } from '../problems.ts';
import { traceparentAfter } from '../trace.ts';

const overloaded = new OrderSystemError('OVERLOADED', 'too many requests are waiting already');

/** Refuses a request of which nothing is found out first: whatever it costs is taken from those that are served. */
export function refuseUnheard(registry: Registry): RequestListener {
  const refused = new Counter({
    name: 'http_requests_refused_unheard_total',
    help: 'Requests that came while too many others waited; they are in no other metric of requests',
    registers: [registry],
  });
  return (request, response) => {
    refused.inc();
    const { traceparent, traceId } = traceparentAfter(request.headers['traceparent']);
    const problem = problemOf(overloaded, traceId);
    response
      .writeHead(problem.status, {
        'Content-Type': 'application/problem+json; charset=utf-8',
        'Retry-After': '1',
        traceparent,
      })
      .end(JSON.stringify(problem));
  };
}
