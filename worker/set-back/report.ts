import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { aggregatesOf, type LostAggregate } from './lost-aggregates.ts';
import type { Lost } from './lost.ts';

/** Money that moved for an order at a time that the database does not know. */
interface LostMoney {
  readonly orderId: string;
  readonly kind: 'CHARGE' | 'REFUND';
  readonly amountMinor: number;
  readonly currency: string;
  /** The provider's, of a charge. */
  readonly providerReference?: string;
}

/** An order that was placed since, and may be the repeat of a lost one: its idempotency key was lost, too. */
interface PlacedAgain {
  readonly lostOrderId: string;
  readonly orderId: string;
  readonly customerId: string;
}

/** What the stream knows and the database does not. */
export interface SetBackReport {
  readonly isAhead: boolean;
  readonly stream: { readonly created: string; readonly comparedUpTo: number };
  readonly counts: {
    readonly events: number;
    readonly ordersMissing: number;
    readonly ordersBehind: number;
    /** Orders, products and stock. */
    readonly conflicts: number;
    /** Messages that this release cannot read. */
    readonly unreadable: number;
  };
  readonly eventsByType: Readonly<Record<string, number>>;
  readonly aggregates: readonly {
    readonly type: string;
    readonly id: string;
    readonly standing: LostAggregate['standing'];
    /** Of the row; 0 when there is none. */
    readonly version: number;
    readonly lost: readonly { readonly version: number; readonly type: string; readonly at: string }[];
  }[];
  readonly money: readonly LostMoney[];
  readonly parcels: readonly { orderId: string; carrier: string; trackingNumber: string }[];
  readonly placedAgain: readonly PlacedAgain[];
  /** Sequences of messages that this release cannot read. */
  readonly unreadable: readonly number[];
}

export async function reportOf(db: Knex, lost: Lost): Promise<SetBackReport> {
  const aggregates = await aggregatesOf(db, lost);
  const events = aggregates.flatMap((each) => each.events.map(({ event }) => event));
  const unreadable = lost.events.filter(({ event }) => event === undefined).map(({ sequence }) => sequence);
  const orders = aggregates.filter(({ type }) => type === 'order');
  return {
    isAhead: lost.events.length > 0,
    stream: { created: lost.created, comparedUpTo: lost.comparedUpTo },
    counts: {
      events: lost.events.length,
      ordersMissing: orders.filter(({ standing }) => standing === 'MISSING').length,
      ordersBehind: orders.filter(({ standing }) => standing === 'BEHIND').length,
      conflicts: aggregates.filter(({ standing }) => standing === 'CONFLICT').length,
      unreadable: unreadable.length,
    },
    eventsByType: countByType(events),
    aggregates: aggregates.map(({ type, id, standing, version, events: its }) => ({
      ...{ type, id, standing, version },
      lost: its.map(({ event }) => ({
        version: event.aggregateVersion,
        type: event.type,
        at: event.occurredAt,
      })),
    })),
    money: events.flatMap(moneyOf),
    parcels: events.flatMap((event) =>
      event.type === 'ShipmentBooked'
        ? [
            {
              orderId: event.aggregateId,
              carrier: event.data.carrier,
              trackingNumber: event.data.trackingNumber,
            },
          ]
        : [],
    ),
    placedAgain: await placedAgain(db, events),
    unreadable,
  };
}

function countByType(events: readonly DomainEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of [...events].sort((a, b) => a.type.localeCompare(b.type)))
    counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function moneyOf(event: DomainEvent): LostMoney[] {
  if (event.type === 'PaymentCharged') return [{ orderId: event.aggregateId, kind: 'CHARGE', ...event.data }];
  if (event.type === 'PaymentRefunded')
    return [{ orderId: event.aggregateId, kind: 'REFUND', ...event.data }];
  return [];
}

const selectPlacedSince = `
  select cast(o.id as text) as id, o.customer_id as "customerId",
    (select string_agg(l.quantity || ' ' || l.sku, ', ' order by l.sku, l.quantity)
      from orders.order_lines l where l.order_id = o.id) as content
  from orders.orders o
  where o.customer_id = any(:customers) and o.placed_at >= :since`;

async function placedAgain(db: Knex, events: readonly DomainEvent[]): Promise<PlacedAgain[]> {
  const created = events.filter((event) => event.type === 'OrderCreated');
  const since = created.map(({ occurredAt }) => occurredAt).sort()[0];
  if (since === undefined) return [];
  const { rows } = await db.raw<{ rows: { id: string; customerId: string; content: string }[] }>(
    selectPlacedSince,
    { customers: [...new Set(created.map(({ data }) => data.customerId))], since },
  );
  return created.flatMap(({ aggregateId, data }) => {
    const content = data.lines
      .map(({ sku, quantity }) => ({ sku, quantity }))
      .sort((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : a.quantity - b.quantity))
      .map(({ sku, quantity }) => `${quantity} ${sku}`)
      .join(', ');
    return rows
      .filter((row) => row.customerId === data.customerId && row.content === content)
      .map(({ id, customerId }) => ({ lostOrderId: aggregateId, orderId: id, customerId }));
  });
}
