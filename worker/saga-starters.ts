import {
  WorkflowExecutionAlreadyStartedError,
  type Client,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { parseEvent, type DomainEvent, type EventType } from '../domain/events.ts';
import { formatMoney } from '../domain/money.ts';
import type { Capability, PlacedOrder, SagaOrder } from '../domain/order-saga.ts';
import type { ShipmentDeadlines } from '../domain/shipment-saga.ts';
import {
  orderWorkflowId,
  SAGA_TASK_QUEUE,
  shipmentWorkflowId,
  workflowPath,
  type Topology,
} from '../domain/topology.ts';
import type { Messaging } from '../messaging/connection.ts';
import { consume } from '../messaging/consumer.ts';
import type { Logger } from '../platform/logger.ts';
import type { orderSaga, shipmentSaga } from '../workflows/index.ts';

export interface StarterDeps {
  /** On the worker's own connection, so that the first workflow task comes with the answer to the start. */
  readonly client: Client;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly localSteps: readonly Capability[];
  readonly shipmentDeadlines: ShipmentDeadlines;
  readonly logger: Logger;
}

const CONCURRENCY = 32;
const START_WITHIN_MS = 10_000;

/** Starts the saga that an event asks for, until aborted; an order that has that saga already keeps it. */
export async function runSagaStarters(deps: StarterDeps, signal: AbortSignal): Promise<void> {
  const { topology } = deps;
  await Promise.all([
    runStarter(deps, topology.orderSagaStarter, 'OrderCreated', signal),
    runStarter(deps, topology.shipmentSagaStarter, 'OrderCompleted', signal),
  ]);
}

const runStarter = (
  deps: StarterDeps,
  durable: string,
  type: EventType,
  signal: AbortSignal,
): Promise<void> =>
  consume(
    {
      messaging: deps.messaging,
      topology: deps.topology,
      durable,
      filter: deps.topology.ordersOfType(type),
      concurrency: CONCURRENCY,
      handle: async (message) => {
        const event = parseEvent(message.json());
        if (event.type === 'OrderCreated') await startOrderSaga(deps, event);
        if (event.type === 'OrderCompleted') await startShipmentSaga(deps, event);
      },
      onFailure: (error, message) => {
        deps.logger.warn({ err: error, subject: message?.subject }, 'a saga could not be started yet');
      },
    },
    signal,
  );

async function startOrderSaga(deps: StarterDeps, event: DomainEvent<'OrderCreated'>): Promise<void> {
  const { lines, totalMinor, currency, paymentMethod } = event.data;
  const order: PlacedOrder = {
    ...sagaOrderOf(event),
    lines: quantitiesOf(lines),
    totalMinor,
    currency,
    paymentMethod,
  };
  await startOnce(deps, order, (options) =>
    deps.client.workflow.start<typeof orderSaga>('orderSaga', {
      ...options,
      workflowId: orderWorkflowId(order.id),
      args: [{ order, localSteps: deps.localSteps }],
      staticSummary: summaryOf(event.data),
      staticDetails: detailsOf(lines),
    }),
  );
}

async function startShipmentSaga(deps: StarterDeps, event: DomainEvent<'OrderCompleted'>): Promise<void> {
  const order = sagaOrderOf(event);
  const orderWorkflow = orderWorkflowId(order.id);
  const path = workflowPath(deps.client.options.namespace, orderWorkflow);
  await startOnce(deps, order, (options) =>
    deps.client.workflow.start<typeof shipmentSaga>('shipmentSaga', {
      ...options,
      workflowId: shipmentWorkflowId(order.id),
      args: [{ order, localSteps: deps.localSteps, deadlines: deps.shipmentDeadlines }],
      staticSummary: `Shipment: ${summaryOf(event.data)}`,
      staticDetails: `Of [${orderWorkflow}](${path})\n${detailsOf(event.data.lines)}`,
    }),
  );
}

type SharedOptions = Pick<WorkflowStartOptions, 'taskQueue' | 'workflowIdReusePolicy' | 'requestEagerStart'>;

/** Eager only helps when this process has a free slot for the workflow; otherwise the start is a usual one. */
async function startOnce(
  { client, logger }: StarterDeps,
  order: SagaOrder,
  start: (options: SharedOptions & { taskQueue: string }) => Promise<{ workflowId: string }>,
): Promise<void> {
  try {
    const { workflowId } = await client.withDeadline(Date.now() + START_WITHIN_MS, () =>
      start({
        taskQueue: SAGA_TASK_QUEUE,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        requestEagerStart: true,
      }),
    );
    logger.debug({ orderId: order.id, traceId: traceIdOf(order), workflowId }, 'saga started');
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Every event that the saga causes names this one as its cause. */
const sagaOrderOf = (event: DomainEvent): SagaOrder => ({
  id: event.aggregateId,
  provenance: {
    correlationId: event.correlationId,
    causationId: event.id,
    traceparent: event.traceparent,
  },
});

interface Quantity {
  readonly sku: string;
  readonly quantity: number;
}

const quantitiesOf = (lines: readonly Quantity[]): Quantity[] =>
  lines.map(({ sku, quantity }) => ({ sku, quantity }));
const detailsOf = (lines: readonly Quantity[]): string =>
  lines.map(({ sku, quantity }) => `- ${quantity} × \`${sku}\``).join('\n');
const summaryOf = (order: { lines: readonly Quantity[]; totalMinor: number; currency: string }): string =>
  `${order.lines.length} line(s), ${formatMoney({ ...order, amountMinor: order.totalMinor })}`;

/** The trace id of a W3C trace context. */
export const traceIdOf = ({ provenance }: SagaOrder): string | undefined =>
  provenance.traceparent.split('-')[1];
