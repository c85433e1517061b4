import { toMessage } from '../../activities/outbox-relay/stream-publisher.ts';
import type { OrderEvent, OrderFact } from '../../domain/events.ts';
import { placeOrder } from '../../domain/order.ts';
import type { Topology } from '../../domain/topology.ts';
import type { OutgoingMessage } from '../../messaging/publish.ts';
import { orderContent, orderHistory, provenance, stories } from '../../test/support/builders.ts';
import { orderedLines } from '../saga/orders.ts';

/** How orders end, in turn: 30 events of five orders. */
const turns: readonly (readonly OrderFact[])[] = [
  stories.delivered,
  stories.delivered,
  stories.outOfStock,
  [...stories.completed, ...stories.delivered.slice(4, 5)],
  stories.lost,
];
const BEGINNING = Date.parse('2026-03-01T00:00:00Z');
const PRICE_MINOR = 1_000;

export const customerOf = (order: number, customers: number): string => `customer-${order % customers}`;

/** The whole history of an order; orders are placed a second after each other. */
function historyOf(order: number, customers: number): OrderEvent[] {
  const ordered = orderedLines();
  const [, ...rest] = turns[order % turns.length] ?? [];
  const placed = placeOrder({
    ...orderContent,
    customerId: customerOf(order, customers),
    lines: ordered.map((line) => ({ ...line, unitPriceMinor: PRICE_MINOR })),
  });
  const facts = rest.map((fact) =>
    'lines' in fact.data ? ({ ...fact, data: { ...fact.data, lines: ordered } } as OrderFact) : fact,
  );
  const startedAt = new Date(BEGINNING + order * 1_000).toISOString();
  return orderHistory([placed, ...facts], { startedAt });
}

/** Histories as a stream has them: so many are under way at a time, and take turns. */
export function* interleaved<T>(histories: Iterable<readonly T[]>, inFlight: number): Generator<T> {
  const coming = histories[Symbol.iterator]();
  const under = new Set<Iterator<T>>();
  for (;;) {
    while (under.size < inFlight) {
      const next = coming.next();
      if (next.done === true) break;
      under.add(next.value[Symbol.iterator]());
    }
    if (under.size === 0) return;
    for (const history of under) {
      const next = history.next();
      if (next.done === true) under.delete(history);
      else yield next.value;
    }
  }
}

/** Events of whole orders. @param from of the first order, so that none is made twice */
export const eventsOf = (
  count: number,
  { from = 0, customers, inFlight }: { from?: number; customers: number; inFlight: number },
): Generator<OrderEvent> =>
  interleaved(
    (function* () {
      for (let order = from; order < from + count; order++) yield historyOf(order, customers);
    })(),
    inFlight,
  );

/** The message that the relay makes of an event. */
export function messageOf(event: OrderEvent, topology: Topology): OutgoingMessage {
  const { id, type, aggregateType, aggregateId, aggregateVersion } = event;
  const row = { id, eventType: type, aggregateType, aggregateId, aggregateVersion, shard: 0, seq: '0' };
  const headers = { traceparent: provenance.traceparent };
  return toMessage({ ...row, headers, payload: JSON.stringify(event) }, topology);
}
