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
import { causeOf, type WaiverRequest } from '../domain/desk.ts';

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

/** Versions of the events that never came, though later ones did: what they changed may be missing in the order. */
export function missingEvents({ timeline, version }: OrderSummary): number[] {
  const present = new Set(timeline.map((entry) => entry.version));
  return Array.from({ length: version }, (_, index) => index + 1).filter((each) => !present.has(each));
}

/**
 * Folds an event into its order. An event that is in it already changes nothing and returns the same object; one whose
 * predecessor is missing leaves a gap in the timeline. @throws Error for an order without a beginning
 */
export function applyOrderEvent(before: OrderSummary | undefined, event: OrderEvent): OrderSummary {
  if (before && event.aggregateVersion <= before.version) return before;
  if (event.type === 'OrderCreated') return created(event);
  if (!before) throw new Error(`order ${event.aggregateId} begins with ${event.type}`);
  // The row of `stuck_sagas` says which saga waits, and for which time.
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
    ...(hasEnded(change.status ?? before.status) ? { stuckCause: null, waiver: null } : {}),
    ...(event.type === 'OrderCancelled' || event.type === 'OrderRefunded'
      ? { cancelDetail: event.data.detail }
      : {}),
    ...(event.type === 'ShipmentBooked' ? event.data : {}),
    version: event.aggregateVersion,
    timeline: [...before.timeline, entry],
    updatedAt: event.occurredAt,
  };
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
