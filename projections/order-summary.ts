import type { OrderEvent } from '../domain/events.ts';
import {
  changeBy,
  hasEnded,
  type ApprovalFacet,
  type InventoryFacet,
  type OrderStatus,
  type PaymentFacet,
  type ShipmentFacet,
} from '../domain/order.ts';
import { formatMoney, type PricedLine } from '../domain/money.ts';
import { causeOf, type StuckName, type WaiverRequest } from '../domain/desk.ts';
import { shipmentWorkflowId } from '../domain/topology.ts';
import { projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';

interface TimelineEntry {
  readonly version: number;
  readonly event: OrderEvent['type'];
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The status from then on, where the event changed it. */
  readonly status?: OrderStatus;
  /** For people. */
  readonly detail?: string;
}

/** What an undo step that has failed for good waits with. */
export interface StuckSaga {
  readonly workflowId: string;
  readonly saga: 'order' | 'shipment';
  readonly undo: StuckName;
  /** Of the last failure. */
  readonly code: string;
  readonly detail: string;
  readonly attempts: number;
  /** 1 for the first time. */
  readonly occurrence: number;
}

/** An order as the read side shows it. */
export interface OrderSummary {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly inventory: InventoryFacet;
  readonly payment: PaymentFacet;
  readonly shipment: ShipmentFacet;
  readonly approval: ApprovalFacet;
  /** Why its saga waits for an operator; null when it does not. */
  readonly stuckCause: string | null;
  readonly stuckSince: string | null;
  readonly stuck: StuckSaga | null;
  /** Asked for by one operator, until another one approves it or anything else is decided. */
  readonly waiver: (WaiverRequest & { /** ISO 8601, UTC. */ readonly at: string }) | null;
  /** Null until a parcel is booked. */
  readonly carrier: string | null;
  readonly trackingNumber: string | null;
  /** Of the last event in it. */
  readonly version: number;
  readonly currency: string;
  readonly totalMinor: number;
  readonly lines: readonly PricedLine[];
  readonly timeline: readonly TimelineEntry[];
  /** Why it was cancelled or refunded. */
  readonly cancelReason: string | null;
  readonly cancelDetail: string | null;
  readonly placedAt: string;
  readonly updatedAt: string;
}

export const orderSummaries: Table<OrderSummary> = {
  name: 'order_summary',
  columns: {
    orderId: 'uuid',
    customerId: 'text',
    status: 'text',
    inventory: 'text',
    payment: 'text',
    shipment: 'text',
    approval: 'text',
    stuckCause: 'text?',
    stuckSince: 'timestamptz?',
    stuck: 'jsonb?',
    waiver: 'jsonb?',
    carrier: 'text?',
    trackingNumber: 'text?',
    version: 'integer',
    currency: 'text',
    totalMinor: 'bigint',
    lines: 'jsonb',
    timeline: 'jsonb',
    cancelReason: 'text?',
    cancelDetail: 'text?',
    placedAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  key: ['orderId'],
  indexes: {
    // The three lists of GET /orders, newest first; order_id breaks ties, so that a keyset page has a definite end.
    order_summary_newest: '(placed_at desc, order_id desc)',
    order_summary_by_status: '(status, placed_at desc, order_id desc)',
    order_summary_by_customer: '(customer_id, placed_at desc, order_id desc)',
    // A page of GET /operations/sagas, and the figures of its groups.
    order_summary_stuck: `(stuck_cause, stuck_since, (stuck ->> 'workflowId')) where stuck_cause is not null`,
  },
};

/** Events that never came, though later ones did: what they changed may be missing in the order. */
interface MissingEvents {
  /** Their versions, the first ones: how many there are depends on a number in an event, which may be any. */
  readonly versions: readonly number[];
  readonly count: number;
}

const MOST_NAMED = 100;

export function missingEvents({ timeline, version }: OrderSummary): MissingEvents {
  const present = [...timeline.map((entry) => entry.version), version + 1].sort((a, b) => a - b);
  const versions: number[] = [];
  let count = 0;
  let before = 0;
  for (const next of present) {
    count += Math.max(0, next - before - 1);
    for (let missing = before + 1; missing < next && versions.length < MOST_NAMED; missing++)
      versions.push(missing);
    before = next;
  }
  return { versions, count };
}

/**
 * Folds an event into its order; one whose predecessor is missing leaves a gap in the timeline. An order without its
 * beginning is not shown: nothing else tells whose it is, and what is in it.
 */
function evolve(before: OrderSummary | undefined, event: OrderEvent): OrderSummary | undefined {
  if (event.type === 'OrderCreated') return created(event);
  if (!before) return undefined;
  // `stuck` says which saga waits, and for which time.
  const { stuckWorkflow: _workflow, stuckOccurrence: _occurrence, waiver, ...change } = changeBy(event);
  const detail = detailOf(event);
  const entry: TimelineEntry = {
    version: event.aggregateVersion,
    event: event.type,
    at: event.occurredAt,
    ...(change.status === undefined ? {} : { status: change.status }),
    ...(detail === undefined ? {} : { detail }),
  };
  return {
    ...before,
    ...change,
    ...(waiver === undefined ? {} : { waiver: waiver && { ...waiver, at: event.occurredAt } }),
    ...stuckAfter(event, hasEnded(change.status ?? before.status) ? null : change.stuckCause),
    ...(hasEnded(change.status ?? before.status) ? { waiver: null } : {}),
    ...(event.type === 'OrderCancelled' || event.type === 'OrderRefunded'
      ? { cancelDetail: event.data.detail }
      : {}),
    ...(event.type === 'ShipmentBooked' ? event.data : {}),
    version: event.aggregateVersion,
    timeline: [...before.timeline, entry],
    updatedAt: event.occurredAt,
  };
}

/** @param cause undefined: the event says nothing about it. Null: nothing is stuck any more. */
function stuckAfter(
  event: OrderEvent,
  cause: string | null | undefined,
): Partial<Pick<OrderSummary, 'stuckCause' | 'stuckSince' | 'stuck'>> {
  if (event.type === 'OrderStuck' && cause !== null) {
    const saga = event.data.workflowId === shipmentWorkflowId(event.aggregateId) ? 'shipment' : 'order';
    return { stuckCause: causeOf(event.data), stuckSince: event.occurredAt, stuck: { ...event.data, saga } };
  }
  return cause === null ? { stuckCause: null, stuckSince: null, stuck: null } : {};
}

/** What a timeline says beyond the event's name. */
function detailOf({ type, data }: OrderEvent): string | undefined {
  switch (type) {
    case 'ShipmentBooked':
      return `${data.carrier}, ${data.trackingNumber}`;
    case 'OrderCancelled':
    case 'ShipmentFailed':
    case 'OrderRefunded':
      return `${data.reason}: ${data.detail}`;
    case 'ApprovalRequested':
      return `above the limit of ${formatMoney({ amountMinor: data.limitMinor, currency: data.currency })}`;
    case 'OrderApproved':
    case 'OrderRejected':
      return `${data.operator}: ${data.reason}`;
    case 'OrderStuck':
      return `${causeOf(data)} after ${data.attempts} attempts: ${data.detail}`;
    case 'WaiverRequested':
      return `${data.undo}: ${data.operator} asks to waive it: ${data.reason}`;
    case 'StuckResolved':
      return `${data.undo}: ${data.decision}, ${data.operator}: ${data.reason}${
        data.waiver ? `; asked for by ${data.waiver.requestedBy}: ${data.waiver.reason}` : ''
      }`;
    case 'OrderCreated':
    case 'InventoryReserved':
    case 'PaymentCharged':
    case 'OrderCompleted':
    case 'PaymentRefunded':
    case 'InventoryReleased':
    case 'ShipmentDispatched':
    case 'ShipmentDelivered':
      return undefined;
  }
}

function created(event: Extract<OrderEvent, { type: 'OrderCreated' }>): OrderSummary {
  const { customerId, currency, totalMinor, lines } = event.data;
  return {
    orderId: event.aggregateId,
    customerId,
    status: 'PENDING',
    inventory: 'NONE',
    payment: 'NONE',
    shipment: 'NONE',
    approval: 'NONE',
    stuckCause: null,
    stuckSince: null,
    stuck: null,
    waiver: null,
    carrier: null,
    trackingNumber: null,
    version: 1,
    currency,
    totalMinor,
    lines,
    timeline: [{ version: 1, event: 'OrderCreated', at: event.occurredAt, status: 'PENDING' }],
    cancelReason: null,
    cancelDetail: null,
    placedAt: event.occurredAt,
    updatedAt: event.occurredAt,
  };
}

/** Orders as people see them, with all that happened to each; also the sagas that wait for an operator. */
export const orders = projection<OrderSummary, OrderEvent>({
  name: 'orders',
  version: 2,
  aggregates: ['order'],
  state: orderSummaries,
  versionIn: ({ version }) => version,
  everyVersion: true,
  evolve,
});
