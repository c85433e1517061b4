import { z } from 'zod';
import type { EventType } from '../../domain/events.ts';
import type { Column, Row } from './columns.ts';

/**
 * What is shown of an event's data, by type. What is not named stays out, also what a later version adds: who the
 * customer or the operator is, what people wrote, and numbers under which the payment provider and the carrier know
 * a person. The reasons that are named are codes.
 */
const shown: Readonly<Record<EventType, readonly string[]>> = {
  OrderCreated: ['lines', 'totalMinor', 'currency', 'paymentMethod'],
  InventoryReserved: ['lines'],
  PaymentCharged: ['amountMinor', 'currency'],
  OrderCompleted: ['totalMinor', 'currency', 'lines'],
  PaymentRefunded: ['amountMinor', 'currency'],
  InventoryReleased: ['lines'],
  OrderCancelled: ['reason'],
  ShipmentBooked: ['carrier'],
  ShipmentDispatched: ['lines'],
  ShipmentDelivered: [],
  ShipmentFailed: ['reason'],
  OrderRefunded: ['totalMinor', 'currency', 'reason'],
  ApprovalRequested: ['amountMinor', 'currency', 'limitMinor'],
  OrderApproved: [],
  OrderRejected: [],
  OrderStuck: ['workflowId', 'undo', 'code', 'attempts', 'occurrence'],
  WaiverRequested: ['workflowId', 'undo', 'occurrence'],
  StuckResolved: ['workflowId', 'undo', 'occurrence', 'decision'],
  ProductListed: ['name', 'priceMinor', 'currency'],
  StockChanged: ['onHand', 'reserved', 'available'],
};
export const eventTypes = Object.keys(shown) as [EventType, ...EventType[]];

/** As published, of whatever version. */
const publishedSchema = z.object({
  id: z.string(),
  type: z.string(),
  schemaVersion: z.int(),
  aggregateType: z.string(),
  aggregateId: z.string(),
  aggregateVersion: z.int(),
  occurredAt: z.string(),
  correlationId: z.string(),
  causationId: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type PublishedEvent = z.output<typeof publishedSchema>;

/** @param json of an event as it was published */
export const readPublished = (json: unknown): PublishedEvent => publishedSchema.parse(json);

export const eventColumns: readonly Column[] = [
  { name: 'streamSequence', type: 'whole' },
  { name: 'id', type: 'text' },
  { name: 'type', type: 'text' },
  { name: 'schemaVersion', type: 'whole' },
  { name: 'aggregateType', type: 'text' },
  { name: 'aggregateId', type: 'text' },
  { name: 'aggregateVersion', type: 'whole' },
  { name: 'occurredAt', type: 'time' },
  { name: 'correlationId', type: 'text' },
  { name: 'causationId', type: 'text' },
  { name: 'orderId', type: 'text' },
  { name: 'amountMinor', type: 'whole' },
  { name: 'currency', type: 'text' },
  { name: 'data', type: 'text' },
];

export function eventRow(streamSequence: number, event: PublishedEvent): Row {
  const { data, ...envelope } = event;
  const keys: readonly string[] = Object.hasOwn(shown, event.type) ? shown[event.type as EventType] : [];
  const kept = Object.fromEntries(keys.filter((key) => key in data).map((key) => [key, data[key]]));
  const amount = kept['amountMinor'] ?? kept['totalMinor'];
  return {
    streamSequence,
    ...envelope,
    orderId: event.aggregateType === 'order' ? event.aggregateId : null,
    amountMinor: typeof amount === 'number' ? amount : null,
    currency: typeof kept['currency'] === 'string' ? kept['currency'] : null,
    data: JSON.stringify(kept),
  };
}
