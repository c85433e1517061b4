import type { DeskDecision, StuckName } from '../../domain/desk.ts';
import {
  toEvent,
  type DomainEvent,
  type OrderEvent,
  type OrderFact,
  type Provenance,
} from '../../domain/events.ts';
import { evolve, placeOrder, type Order, type OrderContent } from '../../domain/order.ts';
import type { PlacedOrder } from '../../domain/order-saga.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import { newId } from '../../platform/clock.ts';

export const provenance: Provenance = {
  correlationId: 'test',
  causationId: 'test',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

/** Two lines, 43.20 EUR, a card that is accepted. */
export const orderContent: Omit<OrderContent, 'totalMinor'> = {
  customerId: 'customer-1',
  lines: [
    { sku: 'COFFEE-1KG', quantity: 2, unitPriceMinor: 1_890 },
    { sku: 'FILTER', quantity: 6, unitPriceMinor: 90 },
  ],
  currency: 'EUR',
  paymentMethod: 'pm_card_visa',
};

export function newOrder(content: Partial<typeof orderContent> = {}, id = newId()): Order {
  return evolve(undefined, id, placeOrder({ ...orderContent, ...content }));
}

/** Events of one order, versions from 1 on, a second apart. */
export function orderHistory(
  facts: readonly OrderFact[],
  { orderId = newId(), startedAt = '2026-03-01T10:07:00.000Z' } = {},
): OrderEvent[] {
  return facts.map((fact, index) =>
    toEvent(
      fact,
      {
        id: newId(),
        aggregateId: orderId,
        aggregateVersion: index + 1,
        occurredAt: new Date(Date.parse(startedAt) + index * 1_000),
      },
      provenance,
    ),
  );
}

const quantities = orderContent.lines.map(({ sku, quantity }) => ({ sku, quantity }));

const completed = [
  placeOrder(orderContent),
  { type: 'InventoryReserved', data: { lines: quantities } },
  { type: 'PaymentCharged', data: { amountMinor: 4_320, currency: 'EUR', providerReference: 'ref' } },
  { type: 'OrderCompleted', data: { totalMinor: 4_320, currency: 'EUR', lines: quantities } },
] as const satisfies readonly OrderFact[];
const booked = {
  type: 'ShipmentBooked',
  data: { carrier: 'Carrier', trackingNumber: 'T1' },
} as const satisfies OrderFact;

/** The facts of whole orders, by how they end. */
export const stories = {
  completed,
  delivered: [
    ...completed,
    booked,
    { type: 'ShipmentDispatched', data: { lines: quantities } },
    { type: 'ShipmentDelivered', data: {} },
  ],
  /** The parcel got lost: the money is back, the goods are not. */
  lost: [
    ...completed,
    booked,
    { type: 'ShipmentDispatched', data: { lines: quantities } },
    { type: 'ShipmentFailed', data: { reason: 'PARCEL_LOST', detail: 'the carrier lost the parcel' } },
    { type: 'PaymentRefunded', data: { amountMinor: 4_320, currency: 'EUR' } },
    {
      type: 'OrderRefunded',
      data: {
        totalMinor: 4_320,
        currency: 'EUR',
        reason: 'PARCEL_LOST',
        detail: 'the carrier lost the parcel',
      },
    },
  ],
  outOfStock: [
    placeOrder(orderContent),
    { type: 'OrderCancelled', data: { reason: 'OUT_OF_STOCK', detail: 'not enough in stock: 6 × FILTER' } },
  ],
  refunded: [
    placeOrder(orderContent),
    { type: 'InventoryReserved', data: { lines: quantities } },
    { type: 'PaymentCharged', data: { amountMinor: 4_320, currency: 'EUR', providerReference: 'ref' } },
    { type: 'PaymentRefunded', data: { amountMinor: 4_320, currency: 'EUR' } },
    { type: 'InventoryReleased', data: { lines: quantities } },
    {
      type: 'OrderCancelled',
      data: { reason: 'CANCEL_REQUESTED', detail: 'the workflow was asked to cancel' },
    },
  ],
} as const satisfies Record<string, readonly OrderFact[]>;

interface StuckStory {
  /** Versions 1 to 4, `OrderStuck` at the end. */
  readonly stuck: readonly OrderFact[];
  /** From version 5 on: `StuckResolved`, before it `WaiverRequested` where it is waived, to the end of the order. */
  readonly settled: readonly OrderFact[];
}

/** An order whose money does not go back, so that its saga is stuck until an operator decides. */
export function stuckStory(
  orderId: string,
  {
    workflowId = orderWorkflowId(orderId),
    undo = 'refundPayment',
    code = 'PAYMENT_UNAVAILABLE',
    occurrence = 1,
    decision = 'done-by-hand',
  }: {
    workflowId?: string;
    undo?: StuckName;
    code?: string;
    occurrence?: number;
    decision?: DeskDecision;
  } = {},
): StuckStory {
  const of = { workflowId, undo, occurrence };
  const asked = { operator: 'ada', reason: 'the account is closed' };
  const isWaived = decision === 'waive';
  const [placed, reserved, charged] = completed;
  return {
    stuck: [
      placed,
      reserved,
      charged,
      { type: 'OrderStuck', data: { ...of, code, detail: 'no answer', attempts: 10 } },
    ],
    settled: [
      ...(isWaived ? [{ type: 'WaiverRequested', data: { ...of, ...asked } } as const] : []),
      {
        type: 'StuckResolved',
        data: {
          ...of,
          decision,
          operator: 'ops',
          reason: 'the bank was called',
          waiver: isWaived ? { requestedBy: asked.operator, reason: asked.reason } : null,
        },
      },
      { type: 'InventoryReleased', data: { lines: quantities } },
      { type: 'OrderCancelled', data: { reason: 'CANCEL_REQUESTED', detail: 'changed my mind' } },
    ],
  };
}

export function placedOrder(changes: Partial<PlacedOrder> = {}): PlacedOrder {
  const { id, lines, totalMinor, currency, paymentMethod } = newOrder();
  return {
    id,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    totalMinor,
    currency,
    paymentMethod,
    provenance,
    ...changes,
  };
}

const HOUR_MS = 3_600_000;

/** Patient deadlines, no approvals, and an undo step that is stuck after three attempts. */
export function sagaSettings(changes: Partial<SagaSettings> = {}): SagaSettings {
  return {
    localSteps: ['inventory', 'orders'],
    deadlines: {
      approvalMs: 72 * HOUR_MS,
      reservationMs: 48 * HOUR_MS,
      paymentMs: 24 * HOUR_MS,
      dispatchMs: 24 * HOUR_MS,
      deliveryMs: 14 * 24 * HOUR_MS,
    },
    approvalLimitMinor: null,
    retryPauseMs: 200,
    undoAttempts: 3,
    ...changes,
  };
}

/** What a message in the stream holds. */
export const asJson = (event: DomainEvent): unknown => JSON.parse(JSON.stringify(event));
