import { causeOf, type StuckName } from '../domain/desk.ts';
import type { OrderEvent } from '../domain/events.ts';
import { shipmentWorkflowId } from '../domain/topology.ts';
import type { OrderSummary } from './order-summary.ts';

/** A saga that waits for an operator because an undo step has failed for good. */
export interface StuckSaga {
  readonly workflowId: string;
  readonly orderId: string;
  readonly saga: 'order' | 'shipment';
  readonly undo: StuckName;
  /** What it is grouped by: undo step and code. */
  readonly cause: string;
  /** Of the last failure. */
  readonly code: string;
  readonly detail: string;
  readonly attempts: number;
  /** 1 for the first time. */
  readonly occurrence: number;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly totalMinor: number;
  readonly currency: string;
}

/** An event that was not in its order yet, and the order before and after it. */
export interface OrderStep {
  readonly event: OrderEvent;
  readonly before: OrderSummary | undefined;
  readonly after: OrderSummary;
}

/**
 * What steps leave behind, by order id: the saga that waits, or null when none does any more. Only orders that got
 * stuck or went on are in it. Steps are those that changed their order, so events applied twice count once.
 */
export function stuckAfter(steps: readonly OrderStep[]): Map<string, StuckSaga | null> {
  const left = new Map<string, StuckSaga | null>();
  for (const { event, before, after } of steps) {
    if (after.stuckCause === null) {
      if (before && before.stuckCause !== null) left.set(after.orderId, null);
    } else if (event.type === 'OrderStuck') {
      left.set(after.orderId, toStuckSaga(event, after));
    }
  }
  return left;
}

function toStuckSaga(
  { data, occurredAt }: Extract<OrderEvent, { type: 'OrderStuck' }>,
  { orderId, totalMinor, currency }: OrderSummary,
): StuckSaga {
  return {
    ...data,
    orderId,
    saga: data.workflowId === shipmentWorkflowId(orderId) ? 'shipment' : 'order',
    cause: causeOf(data),
    since: occurredAt,
    totalMinor,
    currency,
  };
}
