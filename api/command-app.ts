import type { Express } from 'express';
import { Counter, Gauge } from 'prom-client';
import type { Knex } from '../db/connection.ts';
import type { Nudge } from '../db/event-store.ts';
import type { Clock } from '../platform/clock.ts';
import { createAuditEndpoints } from './audit/audit-endpoints.ts';
import { auditCommands } from './audit/audit-commands.ts';
import { createCommandQueue, type CommandQueue } from './commands/command-queue.ts';
import { createOrderEndpoints } from './commands/order-endpoints.ts';
import { createPlaceOrderHandler, type PlaceOrder, type PlacedOrderAnswer } from './commands/place-order.ts';
import { createQueueMetrics } from './commands/queue-metrics.ts';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import type { SagaControl } from './sagas/saga-control.ts';
import { createOutboxEndpoints } from './outbox/outbox-endpoints.ts';
import { createParkedEventCommands } from './parking/parked-event-endpoints.ts';
import { createSagaEndpoints } from './sagas/saga-endpoints.ts';
import { nobodyWaits, type OrderWaits } from './waiting/order-waits.ts';

interface CommandAppDeps extends HttpStackDeps {
  readonly db: Knex;
  /** Where the read tables are. Absent: in the same database. */
  readonly readDb?: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
  readonly sagas: SagaControl;
  /** Absent: everybody is answered at once. */
  readonly waits?: OrderWaits;
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
  /** Resolves when what came of the commands that were answered is in the audit. */
  auditSettled: () => Promise<void>;
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
  const { waits = nobodyWaits, db, logger } = deps;
  new Gauge({
    name: 'requests_waiting_for_orders',
    help: 'Requests that prefer to be answered when their order has ended',
    registers: [deps.registry],
    collect: function () {
      this.set(waits.waiting);
    },
  });
  const waiting = { waits, db, logger };
  const { endpoints, settled } = auditCommands(
    [
      ...createOrderEndpoints({ queue, accepted, waiting, isKeyRequired: deps.idempotency.isRequired }),
      ...createSagaEndpoints({ ...deps, cancellations, waiting }),
      ...createOutboxEndpoints(deps),
      ...createParkedEventCommands({ readDb: deps.readDb ?? db }),
      ...createAuditEndpoints(deps),
    ],
    deps,
  );
  return { app: createHttpApp(deps, endpoints), queue, auditSettled: settled };
}
