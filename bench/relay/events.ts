import { toEvent } from '../../domain/events.ts';
import { placeOrder } from '../../domain/order.ts';
import type { OutboxRow } from '../../db/outbox/rows.ts';
import { newId, systemClock } from '../../platform/clock.ts';

const provenance = {
  correlationId: 'bench',
  causationId: 'bench',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const line = { quantity: 1, unitPriceMinor: 1_000 };
const fact = placeOrder({
  customerId: 'bench',
  lines: ['BENCH-1', 'BENCH-2'].map((sku) => ({ ...line, sku })),
  currency: 'EUR',
  paymentMethod: 'pm_card_visa',
});

/** What all events of this benchmark carry: an order of two lines, as the command API writes it. */
export const content = {
  aggregateType: 'order',
  eventType: fact.type,
  payload: toEvent(
    fact,
    { id: newId(), aggregateId: newId(), aggregateVersion: 1, occurredAt: systemClock.now() },
    provenance,
  ),
  headers: { traceparent: provenance.traceparent },
} as const;

const payload = JSON.stringify(content.payload);
export const payloadBytes = Buffer.byteLength(payload);

/** An event of an order of its own, as it would come from the outbox. */
export const inventRow = (): OutboxRow => ({
  ...content,
  payload,
  seq: '0',
  id: newId(),
  shard: 0,
  aggregateId: newId(),
  aggregateVersion: 1,
});
