import type { Fact, OrderFact } from './events.ts';
import { OrderSystemError, type CancelReason } from './errors.ts';
import type { PaymentMethod } from './commands.ts';
import { totalOf, type PricedLine } from './money.ts';
import {
  causeOf,
  verdictOn,
  type ApprovalDecision,
  type Resolution,
  type StuckFailure,
  type StuckOccurrence,
  type WaiverRequest,
} from './desk.ts';

export const orderStatuses = [
  'PENDING',
  'RESERVED',
  'PAID',
  'COMPLETED',
  'SHIPPED',
  'DELIVERED',
  'CANCELLED',
  'REFUNDED',
] as const;
/** How far the order got. Undoing changes the facets below, and at its end the status. */
export type OrderStatus = (typeof orderStatuses)[number];
/** What became of an undo step that an operator took out of the saga's hands. */
const settledFacets = ['BY_HAND', 'WAIVED'] as const;
export const inventoryFacets = ['NONE', 'RESERVED', 'RELEASED', 'SHIPPED', ...settledFacets] as const;
export type InventoryFacet = (typeof inventoryFacets)[number];
export const paymentFacets = ['NONE', 'CHARGED', 'REFUNDED', ...settledFacets] as const;
export type PaymentFacet = (typeof paymentFacets)[number];
/** Orders up to the limit need none. */
export const approvalFacets = ['NONE', 'REQUESTED', 'GRANTED', 'REFUSED'] as const;
export type ApprovalFacet = (typeof approvalFacets)[number];
export const shipmentFacets = ['NONE', 'BOOKED', 'DISPATCHED', 'DELIVERED', 'FAILED'] as const;
export type ShipmentFacet = (typeof shipmentFacets)[number];

export interface OrderContent {
  readonly customerId: string;
  readonly lines: readonly PricedLine[];
  readonly totalMinor: number;
  readonly currency: string;
  readonly paymentMethod: PaymentMethod;
}

export interface Order extends OrderContent {
  readonly id: string;
  /** Number of events so far. */
  readonly version: number;
  readonly status: OrderStatus;
  readonly inventory: InventoryFacet;
  readonly payment: PaymentFacet;
  readonly shipment: ShipmentFacet;
  readonly approval: ApprovalFacet;
  /** Why it was cancelled or refunded; null until then. */
  readonly cancelReason: string | null;
  /** Why its saga waits for an operator; null when it does not. */
  readonly stuckCause: string | null;
  /** The workflow that waits. */
  readonly stuckWorkflow: string | null;
  /** How often a saga of this order was stuck. */
  readonly stuckOccurrence: number;
  /** Asked for by one operator while it is stuck, and not decided yet. */
  readonly waiver: WaiverRequest | null;
  /** Whether its saga has begun to compensate: a completion that comes later is refused. No event tells it. */
  readonly undoBegan: boolean;
  /** Why, as it was recorded first; null until then, and for orders whose release recorded no reason. */
  readonly undo: UndoReason | null;
}

/** Why a saga compensates. */
export interface UndoReason {
  readonly reason: CancelReason;
  /** For people: a fixed text per reason, or the customer's own words. */
  readonly detail: string;
}

export type OrderCommand =
  | { type: 'RequestApproval'; limitMinor: number }
  | ({ type: 'DecideApproval' } & ApprovalDecision)
  | { type: 'RecordReservation' }
  | { type: 'RecordCharge'; amountMinor: number; providerReference: string }
  | { type: 'CompleteOrder' }
  /** `acted`: money really moved back. A refund of a charge that was never recorded is still told. */
  | { type: 'RecordRefund'; acted: boolean }
  | { type: 'RecordRelease'; acted: boolean }
  | { type: 'CancelOrder'; reason: string; detail: string }
  | { type: 'RecordBooking'; carrier: string; trackingNumber: string }
  | { type: 'RecordDispatch' }
  | { type: 'RecordDelivery' }
  | { type: 'RecordShipmentFailure'; reason: string; detail: string }
  | { type: 'RefundOrder'; reason: string; detail: string }
  | ({ type: 'RecordStuck' } & StuckFailure)
  | ({ type: 'RequestWaiver' } & StuckOccurrence & WaiverRequest)
  | ({ type: 'ResolveStuck' } & StuckOccurrence & Resolution);

/** The order saga has no more to do; a completed order goes on with its shipment. */
export const isPastOrderSaga = (status: OrderStatus): boolean =>
  status !== 'PENDING' && status !== 'RESERVED' && status !== 'PAID';

/** No step leads out of these. */
export const hasEnded = (status: OrderStatus): boolean =>
  status === 'CANCELLED' || status === 'DELIVERED' || status === 'REFUNDED';

/** The saga that has the order: the order saga until it is complete, then the shipment saga. */
export type SagaKind = 'order' | 'shipment';

/**
 * The order once a saga of it compensates. The first reason stays; an order that is past this saga, or has ended, is left
 * as it is.
 */
export function beginUndo(order: Order, saga: SagaKind, why: UndoReason): Order {
  const hasSaga = !hasEnded(order.status) && isPastOrderSaga(order.status) === (saga === 'shipment');
  return hasSaga && order.undo === null ? { ...order, undoBegan: true, undo: why } : order;
}

/** Money and stock may go back: the order saga gives up, or the shipment has failed. */
const mayBeUndone = ({ status, shipment }: Order): boolean =>
  !isPastOrderSaga(status) || (!hasEnded(status) && shipment === 'FAILED');

/** The first event of an order. Prices are the catalogue's, in one currency. */
export function placeOrder(content: Omit<OrderContent, 'totalMinor'>): Fact<'OrderCreated'> {
  const { customerId, lines, currency, paymentMethod } = content;
  return {
    type: 'OrderCreated',
    data: {
      customerId,
      lines: lines.map((line) => ({ ...line })),
      totalMinor: totalOf(lines),
      currency,
      paymentMethod,
    },
  };
}

/**
 * What happens when a command meets an order; nothing when it has happened already, so that a repeated
 * activity changes nothing.
 * @throws OrderSystemError INVALID_TRANSITION when the order's state forbids the command.
 */
export function decide(order: Order, command: OrderCommand): OrderFact[] {
  switch (command.type) {
    case 'RequestApproval':
      if (order.approval !== 'NONE') return [];
      return order.status === 'PENDING'
        ? [
            {
              type: 'ApprovalRequested',
              data: {
                amountMinor: order.totalMinor,
                currency: order.currency,
                limitMinor: command.limitMinor,
              },
            },
          ]
        : refuse(order, command);
    case 'DecideApproval': {
      const { decision, operator, reason } = command;
      if (order.approval === (decision === 'approve' ? 'GRANTED' : 'REFUSED')) return [];
      return order.status === 'PENDING' && order.approval === 'REQUESTED'
        ? [{ type: decision === 'approve' ? 'OrderApproved' : 'OrderRejected', data: { operator, reason } }]
        : refuse(order, command);
    }
    case 'RecordReservation':
      if (order.inventory === 'RESERVED') return [];
      return order.status === 'PENDING' && order.inventory === 'NONE'
        ? [{ type: 'InventoryReserved', data: { lines: quantities(order) } }]
        : refuse(order, command);
    case 'RecordCharge':
      if (order.payment === 'CHARGED') return [];
      return order.status === 'RESERVED' && order.inventory === 'RESERVED' && order.payment === 'NONE'
        ? [
            {
              type: 'PaymentCharged',
              data: {
                amountMinor: command.amountMinor,
                currency: order.currency,
                providerReference: command.providerReference,
              },
            },
          ]
        : refuse(order, command);
    case 'CompleteOrder':
      if (isPastOrderSaga(order.status) && order.status !== 'CANCELLED') return [];
      return order.status === 'PAID' &&
        order.inventory === 'RESERVED' &&
        order.payment === 'CHARGED' &&
        !order.undoBegan
        ? [
            {
              type: 'OrderCompleted',
              data: { totalMinor: order.totalMinor, currency: order.currency, lines: quantities(order) },
            },
          ]
        : refuse(order, command);
    case 'RecordRefund':
      if (!mayBeUndone(order)) return order.payment === 'REFUNDED' ? [] : refuse(order, command);
      return order.payment === 'CHARGED' || (order.payment === 'NONE' && command.acted)
        ? [{ type: 'PaymentRefunded', data: { amountMinor: order.totalMinor, currency: order.currency } }]
        : [];
    case 'RecordRelease':
      if (!mayBeUndone(order)) return order.inventory === 'RELEASED' ? [] : refuse(order, command);
      return order.inventory === 'RESERVED' || (order.inventory === 'NONE' && command.acted)
        ? [{ type: 'InventoryReleased', data: { lines: quantities(order) } }]
        : [];
    case 'CancelOrder':
      if (order.status === 'CANCELLED') return [];
      return !isPastOrderSaga(order.status) && order.inventory !== 'RESERVED' && order.payment !== 'CHARGED'
        ? [{ type: 'OrderCancelled', data: whyOf(order, command) }]
        : refuse(order, command);
    case 'RecordBooking':
      if (order.shipment !== 'NONE' && order.shipment !== 'FAILED') return [];
      return order.status === 'COMPLETED' && order.shipment === 'NONE'
        ? [
            {
              type: 'ShipmentBooked',
              data: { carrier: command.carrier, trackingNumber: command.trackingNumber },
            },
          ]
        : refuse(order, command);
    case 'RecordDispatch':
      if (order.inventory === 'SHIPPED') return [];
      return order.status === 'COMPLETED' && order.shipment === 'BOOKED' && order.inventory === 'RESERVED'
        ? [{ type: 'ShipmentDispatched', data: { lines: quantities(order) } }]
        : refuse(order, command);
    case 'RecordDelivery':
      if (order.status === 'DELIVERED') return [];
      return order.status === 'SHIPPED' && order.shipment === 'DISPATCHED'
        ? [{ type: 'ShipmentDelivered', data: {} }]
        : refuse(order, command);
    case 'RecordShipmentFailure':
      if (order.shipment === 'FAILED') return [];
      return (order.status === 'COMPLETED' || order.status === 'SHIPPED') && order.payment === 'CHARGED'
        ? [{ type: 'ShipmentFailed', data: whyOf(order, command) }]
        : refuse(order, command);
    case 'RefundOrder':
      if (order.status === 'REFUNDED') return [];
      return order.shipment === 'FAILED' && isMoneySettled(order) && order.inventory !== 'RESERVED'
        ? [
            {
              type: 'OrderRefunded',
              data: {
                totalMinor: order.totalMinor,
                currency: order.currency,
                ...whyOf(order, command),
              },
            },
          ]
        : refuse(order, command);
    case 'RecordStuck': {
      const { type: _, ...failure } = command;
      // An attempt whose answer was lost has recorded it, or has brought the order to its end.
      const isRecorded = order.stuckWorkflow === failure.workflowId && order.stuckCause === causeOf(failure);
      if (isRecorded || hasEnded(order.status)) return [];
      return [{ type: 'OrderStuck', data: { ...failure, occurrence: order.stuckOccurrence + 1 } }];
    }
    case 'RequestWaiver': {
      const { type: _, requestedBy, ...data } = command;
      if (!waitsFor(order, data)) return notWaiting(order, data);
      return order.waiver === null
        ? [{ type: 'WaiverRequested', data: { ...data, operator: requestedBy } }]
        : [];
    }
    case 'ResolveStuck': {
      const { type: _, ...data } = command;
      if (isSettledAs(order, data)) return [];
      if (!waitsFor(order, data)) return notWaiting(order, data);
      // The saga has asked the same; this holds for other writers, and the order knows which operator asked.
      const { waiver } = order;
      const verdict = verdictOn({ undo: data.undo, waiver }, data);
      if (verdict.kind !== 'APPLIED')
        throw new OrderSystemError(
          'SECOND_OPERATOR_REQUIRED',
          `order ${order.id}: a second operator has to approve the waiver that ${data.operator} asks for`,
        );
      return [
        { type: 'StuckResolved', data: { ...data, waiver: data.decision === 'waive' ? waiver : null } },
      ];
    }
    default:
      return unreachable(command);
  }
}

/** Not decided yet, and no other time that it was stuck. */
const waitsFor = (order: Order, { occurrence }: StuckOccurrence): boolean =>
  order.stuckCause !== null && order.stuckOccurrence === occurrence;

function notWaiting(order: Order, { occurrence }: StuckOccurrence): never {
  throw new OrderSystemError('NOT_STUCK', `order ${order.id} does not wait under occurrence ${occurrence}`);
}

/** Whether this very decision was written before, and only its answer was lost. */
function isSettledAs(order: Order, { undo, decision, occurrence }: StuckOccurrence & Resolution): boolean {
  if (order.stuckCause !== null || order.stuckOccurrence !== occurrence) return false;
  if (decision === 'retry') return true;
  const { payment, inventory } = settled({ undo, decision });
  return (
    (payment !== undefined && order.payment === payment) ||
    (inventory !== undefined && order.inventory === inventory)
  );
}

/** The reason that was recorded when the saga began to compensate; one without a record gives its own. */
const whyOf = ({ undo }: Order, { reason, detail }: { reason: string; detail: string }) =>
  undo ?? { reason, detail };

/** Whether an operator has taken money or stock out of the saga's hands. */
export const isSettledByOperator = (facet: PaymentFacet | InventoryFacet): boolean =>
  facet === 'BY_HAND' || facet === 'WAIVED';

const isMoneySettled = ({ payment }: Order): boolean =>
  payment === 'REFUNDED' || isSettledByOperator(payment);

/** The order after an event. `OrderCreated` makes it, so it takes no order before. */
export function evolve(order: Order | undefined, id: string, fact: OrderFact): Order {
  if (fact.type === 'OrderCreated') {
    return {
      ...fact.data,
      id,
      version: 1,
      status: 'PENDING',
      inventory: 'NONE',
      payment: 'NONE',
      shipment: 'NONE',
      approval: 'NONE',
      cancelReason: null,
      stuckCause: null,
      stuckWorkflow: null,
      stuckOccurrence: 0,
      waiver: null,
      undoBegan: false,
      undo: null,
    };
  }
  if (!order) throw new Error(`order ${id} has ${fact.type} before OrderCreated`);
  return { ...order, ...changeBy(fact), version: order.version + 1 };
}

export type LaterFact = Exclude<OrderFact, Fact<'OrderCreated'>>;
type Change = Partial<Omit<Order, keyof OrderContent | 'id' | 'version'>>;

/** What an event after the first does to an order's state. */
export function changeBy(fact: LaterFact): Change {
  switch (fact.type) {
    case 'InventoryReserved':
      return { status: 'RESERVED', inventory: 'RESERVED' };
    case 'PaymentCharged':
      return { status: 'PAID', payment: 'CHARGED' };
    case 'OrderCompleted':
      return { status: 'COMPLETED' };
    case 'PaymentRefunded':
      return { payment: 'REFUNDED' };
    case 'InventoryReleased':
      return { inventory: 'RELEASED' };
    case 'OrderCancelled':
      return { status: 'CANCELLED', cancelReason: fact.data.reason, ...notStuck };
    case 'ShipmentBooked':
      return { shipment: 'BOOKED' };
    case 'ShipmentDispatched':
      // The recall came too late: what the saga had begun to compensate stays.
      return {
        status: 'SHIPPED',
        inventory: 'SHIPPED',
        shipment: 'DISPATCHED',
        undoBegan: false,
        undo: null,
      };
    case 'ShipmentDelivered':
      return { status: 'DELIVERED', shipment: 'DELIVERED', ...notStuck };
    case 'ShipmentFailed':
      return { shipment: 'FAILED' };
    case 'OrderRefunded':
      return { status: 'REFUNDED', cancelReason: fact.data.reason, ...notStuck };
    case 'ApprovalRequested':
      return { approval: 'REQUESTED' };
    case 'OrderApproved':
      return { approval: 'GRANTED' };
    case 'OrderRejected':
      return { approval: 'REFUSED' };
    case 'OrderStuck': {
      const { workflowId, occurrence } = fact.data;
      return {
        stuckCause: causeOf(fact.data),
        stuckWorkflow: workflowId,
        stuckOccurrence: occurrence,
        waiver: null,
      };
    }
    case 'WaiverRequested':
      return { waiver: { requestedBy: fact.data.operator, reason: fact.data.reason } };
    case 'StuckResolved':
      return { ...notStuck, ...settled(fact.data) };
    default:
      return unreachable(fact);
  }
}

const notStuck = { stuckCause: null, stuckWorkflow: null, waiver: null } as const;

/** What an operator's decision says of money and stock; other steps leave no trace there. */
function settled({
  undo,
  decision,
}: Pick<Resolution, 'decision'> & Pick<StuckOccurrence, 'undo'>): Pick<Change, 'payment' | 'inventory'> {
  if (decision === 'retry') return {};
  const facet = decision === 'waive' ? 'WAIVED' : 'BY_HAND';
  switch (undo) {
    case 'refundPayment':
      return { payment: facet };
    case 'releaseInventory':
      return { inventory: facet };
    case 'cancelBooking':
    case 'failShipment':
    case 'cancelOrder':
    case 'refundOrder':
    case 'beginUndo':
    case 'completeOrder':
    case 'shipInventory':
    case 'deliverOrder':
      return {};
  }
}

const quantities = (order: Order): { sku: string; quantity: number }[] =>
  order.lines.map(({ sku, quantity }) => ({ sku, quantity }));

function refuse(
  order: Order,
  command: OrderCommand,
  why = `status ${order.status}, inventory ${order.inventory}, payment ${order.payment}, shipment ${order.shipment}`,
): never {
  const { status, inventory, payment, shipment } = order;
  const fields = { command: command.type, status, inventory, payment, shipment };
  throw new OrderSystemError('INVALID_TRANSITION', `${command.type} does not fit order ${order.id}: ${why}`, {
    fields,
  });
}

function unreachable(value: never): never {
  throw new Error(`not handled: ${JSON.stringify(value)}`);
}
