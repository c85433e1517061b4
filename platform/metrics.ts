import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { isEventStream } from './event-stream.ts';

/** A registry with the Node.js process's own metrics, labelled with the process's name. */
export function createRegistry(processName: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Counts and times requests by method, route pattern (never the raw path) and status. */
export function measureRequests(registry: Registry): RequestHandler {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to the end of the answer, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  return (request, response, next) => {
    const end = duration.startTimer();
    response.on('finish', () => {
      // How long somebody listened says nothing about how fast we are.
      if (isEventStream(response)) return;
      const pattern = (request.route as { path?: unknown } | undefined)?.path;
      const route = typeof pattern === 'string' ? pattern : 'none';
      end({ method: request.method, route, status: String(response.statusCode) });
    });
    next();
  };
}
