import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { JsMsg } from 'nats';
import { provenanceOf } from '../activities/saga-watch/provenance.ts';
import type { DomainEvent, EventType } from '../domain/events.ts';
import type { PlacedOrder, SagaOrder } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { orderSagaStart, shipmentSagaStart, type SagaStart } from '../domain/saga-start.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from '../messaging/connection.ts';
import { consume } from '../messaging/consumer.ts';
import { eventIn } from '../messaging/event-message.ts';
import type { Logger } from '../platform/logger.ts';
import type { Admission } from './admission.ts';
import type { AheadWatch } from './ahead-watch.ts';

export interface StarterDeps {
  /** On the worker's own connection, so that the first workflow task comes with the answer to the start. */
  readonly client: Client;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly sagaSettings: SagaSettings;
  readonly logger: Logger;
  readonly ahead: Pick<AheadWatch, 'isAhead' | 'assertNotAhead'>;
  /** Of order sagas; a shipment saga goes on with an order that is in progress. */
  readonly admission: Admission;
  /** Of the workers of this process. Absent: they are unversioned. */
  readonly deploymentVersion?: WorkerDeploymentVersion | undefined;
  /** Told of a message that should start a saga and cannot be read, each time one of a newer version is delivered. */
  readonly onUnreadable: (type: EventType, message: Pick<JsMsg, 'subject' | 'seq'>, error: unknown) => void;
}

const CONCURRENCY = 32;
const START_WITHIN_MS = 10_000;

/**
 * Starts the saga that an event asks for, until aborted. An order that has that saga, or had it and it completed, gets
 * no other; one that was terminated, failed or timed out is started again, because a saga first asks its order where
 * it is.
 */
export async function runSagaStarters(deps: StarterDeps, signal: AbortSignal): Promise<void> {
  const { topology } = deps;
  await Promise.all([
    runStarter(deps, topology.orderSagaStarter, 'OrderCreated', signal, deps.admission),
    runStarter(deps, topology.shipmentSagaStarter, 'OrderCompleted', signal),
  ]);
}

const runStarter = (
  deps: StarterDeps,
  durable: string,
  type: EventType,
  signal: AbortSignal,
  admission?: Admission,
): Promise<void> =>
  consume(
    {
      messaging: deps.messaging,
      topology: deps.topology,
      durable,
      filter: deps.topology.ordersOfType(type),
      concurrency: CONCURRENCY,
      admitted: admission?.admitted,
      handle: async (message) => {
        // The event may be of an order that the database does not know any more; the message comes again.
        deps.ahead.assertNotAhead();
        const event = eventIn(deps.topology, message);
        if (event.type === 'OrderCreated') await startOrderSaga(deps, event);
        if (event.type === 'OrderCompleted') await startShipmentSaga(deps, event);
      },
      // The order is in the database, where the search for orders without a saga finds it, unless that is turned off.
      onUnreadable: (error, message) => {
        deps.onUnreadable(type, message, error);
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
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    totalMinor,
    currency,
    paymentMethod,
  };
  await startOnce(deps, order, orderSagaStart(order, deps.sagaSettings));
}

async function startShipmentSaga(deps: StarterDeps, event: DomainEvent<'OrderCompleted'>): Promise<void> {
  const order = sagaOrderOf(event);
  const { namespace } = deps.client.options;
  await startOnce(deps, order, shipmentSagaStart(order, event.data, deps.sagaSettings, namespace));
}

/**
 * Eager only helps when this process has a free slot for the workflow; otherwise the start is a usual one. A versioned
 * worker must not ask for it: Temporal 1.29 hands it the saga also when its version is neither current nor ramping.
 */
async function startOnce(
  { client, logger, deploymentVersion }: StarterDeps,
  order: SagaOrder,
  { workflowType, ...start }: SagaStart<unknown>,
): Promise<void> {
  try {
    const { workflowId } = await client.withDeadline(Date.now() + START_WITHIN_MS, () =>
      client.workflow.start(workflowType, {
        ...start,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        requestEagerStart: deploymentVersion === undefined,
      }),
    );
    // Also where nothing has gone wrong yet: by it the id of a trace leads from the request's answer to its order.
    logger.info({ orderId: order.id, traceId: traceIdOf(order), workflowId }, 'saga started');
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

const sagaOrderOf = (event: DomainEvent): SagaOrder => ({
  id: event.aggregateId,
  provenance: provenanceOf(event),
});

/** The trace id of a W3C trace context. */
export const traceIdOf = ({ provenance }: SagaOrder): string | undefined =>
  provenance.traceparent.split('-')[1];
