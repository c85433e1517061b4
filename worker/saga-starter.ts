import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { parseEvent, type DomainEvent } from '../domain/events.ts';
import { formatMoney } from '../domain/money.ts';
import type { Capability, PlacedOrder } from '../domain/order-saga.ts';
import { orderWorkflowId, SAGA_TASK_QUEUE, type Topology } from '../domain/topology.ts';
import type { Messaging } from '../messaging/connection.ts';
import { consume } from '../messaging/consumer.ts';
import type { Logger } from '../platform/logger.ts';
import type { orderSaga } from '../workflows/index.ts';

interface StarterDeps {
  /** On the worker's own connection, so that the first workflow task comes with the answer to the start. */
  readonly client: Client;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly localSteps: readonly Capability[];
  readonly logger: Logger;
}

const CONCURRENCY = 32;
const START_WITHIN_MS = 10_000;

/** Starts a saga for each `OrderCreated`, until aborted; an order that has one already keeps it. */
export const runOrderSagaStarter = (deps: StarterDeps, signal: AbortSignal): Promise<void> =>
  consume(
    {
      messaging: deps.messaging,
      topology: deps.topology,
      durable: deps.topology.orderSagaStarter,
      filter: deps.topology.ordersOfType('OrderCreated'),
      concurrency: CONCURRENCY,
      handle: async (message) => {
        const event = parseEvent(message.json());
        if (event.type === 'OrderCreated') await startOrderSaga(deps, event);
      },
      onFailure: (error, message) => {
        deps.logger.warn({ err: error, subject: message?.subject }, 'an order saga could not be started yet');
      },
    },
    signal,
  );

/** Eager only helps when this process has a free slot for the workflow; otherwise the start is a usual one. */
async function startOrderSaga(
  { client, localSteps, logger }: StarterDeps,
  event: DomainEvent<'OrderCreated'>,
): Promise<void> {
  const order = placedOrderOf(event);
  try {
    await client.withDeadline(Date.now() + START_WITHIN_MS, () =>
      client.workflow.start<typeof orderSaga>('orderSaga', {
        workflowId: orderWorkflowId(order.id),
        taskQueue: SAGA_TASK_QUEUE,
        args: [{ order, localSteps }],
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        requestEagerStart: true,
        staticSummary: `${order.lines.length} line(s), ${formatMoney({ ...order, amountMinor: order.totalMinor })}`,
        staticDetails: order.lines.map(({ sku, quantity }) => `- ${quantity} × \`${sku}\``).join('\n'),
      }),
    );
    logger.debug({ orderId: order.id, traceId: traceIdOf(order) }, 'order saga started');
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** The order as its saga needs it; every event that the saga causes names this one as its cause. */
function placedOrderOf(event: DomainEvent<'OrderCreated'>): PlacedOrder {
  const { lines, totalMinor, currency, paymentMethod } = event.data;
  return {
    id: event.aggregateId,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    totalMinor,
    currency,
    paymentMethod,
    provenance: { correlationId: event.correlationId, causationId: event.id, traceparent: event.traceparent },
  };
}

/** The trace id of a W3C trace context. */
export const traceIdOf = ({ provenance }: PlacedOrder): string | undefined =>
  provenance.traceparent.split('-')[1];
