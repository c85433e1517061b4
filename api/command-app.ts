import type { Express } from 'express';
import { Counter } from 'prom-client';
import type { Knex } from '../db/connection.ts';
import type { Nudge } from '../db/event-store.ts';
import type { Clock } from '../platform/clock.ts';
import { createCommandQueue, type CommandQueue } from './commands/command-queue.ts';
import { createOrderEndpoints } from './commands/order-endpoints.ts';
import { createPlaceOrderHandler, type PlaceOrder, type PlacedOrderAnswer } from './commands/place-order.ts';
import { createQueueMetrics } from './commands/queue-metrics.ts';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import type { SagaControl } from './sagas/saga-control.ts';
import { createOutboxEndpoints } from './outbox/outbox-endpoints.ts';
import { createSagaEndpoints } from './sagas/saga-endpoints.ts';

interface CommandAppDeps extends HttpStackDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
  readonly sagas: SagaControl;
  readonly queue: { readonly capacity: number; readonly batchSize: number };
  readonly idempotency: {
    /** Whether orders without a key are refused. */
    readonly isRequired: boolean;
    /** How long a key is remembered, in ms. */
    readonly keyTtlMs: number;
  };
}

/** The command side: takes intentions, writes them, and answers nothing that it read. */
export function createCommandApp(deps: CommandAppDeps): {
  app: Express;
  queue: CommandQueue<PlaceOrder, PlacedOrderAnswer>;
} {
  const queue: CommandQueue<PlaceOrder, PlacedOrderAnswer> = createCommandQueue({
    ...deps.queue,
    handle: createPlaceOrderHandler({ ...deps, ...deps.idempotency }),
    onBatch: createQueueMetrics(deps.registry, () => queue.waiting),
  });
  const accepted = new Counter({
    name: 'orders_accepted_total',
    help: 'Orders accepted by this process',
    registers: [deps.registry],
  });
  const cancellations = new Counter({
    name: 'cancellations_accepted_total',
    help: 'Requests to cancel an order that its saga took, or that found it cancelled, in this process',
    registers: [deps.registry],
  });
  const endpoints = [
    ...createOrderEndpoints({ queue, accepted, isKeyRequired: deps.idempotency.isRequired }),
    ...createSagaEndpoints({ ...deps, cancellations }),
    ...createOutboxEndpoints(deps),
  ];
  const app = createHttpApp(deps, endpoints);
  // Nobody asks again whether what a command was answered has changed; Express would hash each answer for it.
  app.set('etag', false);
  return { app, queue };
}
