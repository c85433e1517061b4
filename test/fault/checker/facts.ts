import { connect, DeliverPolicy, AckPolicy } from 'nats';
import pg from 'pg';
import { readHistories, readRunning, type TemporalReader } from './histories.ts';

// Part of a checker that shares no code with the application: what it expects is written down here once more.

/** An event as it lies in the stream, or in the outbox. */
export interface EventFact {
  readonly id: string;
  readonly type: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
  readonly occurredAt: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface LedgerFact {
  readonly key: string;
  readonly kind: 'CHARGE' | 'REFUND';
  readonly amount: number;
}

interface StockFact {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

interface ReservationFact {
  readonly orderId: string;
  readonly state: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

/** What an idempotency key was tied to. */
interface KeyFact {
  readonly subject: string;
  readonly key: string;
  readonly orderId: string;
}

export interface OrderFact {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly inventory: string;
  readonly payment: string;
  readonly shipment: string;
  /** Why it was cancelled or refunded, as everybody is shown; null while it was not. */
  readonly reason: string | null;
  /** Why its saga first began to undo; null while none did. */
  readonly firstReason: string | null;
  readonly firstDetail: string | null;
}

/** An entry of the payment provider's or the carrier's books. */
interface BookFact {
  readonly key: string;
  readonly state: string;
}

/** What an order's client sent, and what it was told. */
interface ToldFact {
  readonly request: {
    readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
    readonly paymentMethod: string;
  };
  readonly words?: string;
  readonly cancellation?: 'ACCEPTED' | 'PENDING' | 'TOO_LATE';
  readonly decision?: 'approve' | 'reject';
}

/** Something that leaves a process, and where it was found. */
interface TextFact {
  readonly place: string;
  readonly text: string;
}

/** Rows of the read tables, as text that two equal rows share. */
export type ReadTables = Readonly<
  Record<
    'orders' | 'sales' | 'products' | 'stuckSagas' | 'customers' | 'operations' | 'orderSearch',
    readonly string[]
  >
>;

/** Everything that the invariants are about, read once. */
export interface Facts {
  readonly ledger: readonly LedgerFact[];
  /** Of the payment provider. */
  readonly payments: readonly BookFact[];
  /** Of the carrier. */
  readonly bookings: readonly BookFact[];
  readonly stock: readonly StockFact[];
  readonly reservations: readonly ReservationFact[];
  readonly orders: readonly OrderFact[];
  readonly keys: readonly KeyFact[];
  readonly outbox: readonly EventFact[];
  /** In stream order, repeats included. */
  readonly stream: readonly EventFact[];
  readonly read: ReadTables;
  /** Order id → versions that its timeline shows. */
  readonly timelines: ReadonlyMap<string, readonly number[]>;
  /** What clients were told: idempotency key → order id. */
  readonly accepted: ReadonlyMap<string, string>;
  /** The same by order id: what was sent and answered afterwards. */
  readonly told: ReadonlyMap<string, ToldFact>;
  /** Ids of the sagas that run. */
  readonly running: ReadonlySet<string>;
  /** Everything that must hold no internal text. */
  readonly texts: readonly TextFact[];
  /** SKU → pieces that were counted into stock at the beginning. */
  readonly initialStock: ReadonlyMap<string, number>;
}

interface Source {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly streamName: string;
  readonly temporal: TemporalReader;
  readonly accepted: ReadonlyMap<string, string>;
  readonly told: ReadonlyMap<string, ToldFact>;
  /** Answers that clients read. */
  readonly answers: ReadonlySet<string>;
  readonly initialStock: ReadonlyMap<string, number>;
}

/** Reads ledgers, tables and stream of a system that has come to rest. */
export async function readFacts(source: Source): Promise<Facts> {
  const client = new pg.Client({ connectionString: source.databaseUrl });
  await client.connect();
  const rows = async <T>(sql: string): Promise<T[]> => (await client.query(sql)).rows as T[];
  const texts = async (sql: string): Promise<string[]> =>
    (await rows<{ row: string }>(sql)).map(({ row }) => row).sort();
  try {
    const timelines = await rows<{ id: string; versions: number[] }>(
      `select order_id as id, array(select (entry ->> 'version')::integer
         from jsonb_array_elements(timeline) as entry) as versions
       from read.order_summary`,
    );
    const outbox = (
      await rows<{ payload: EventFact }>(`select payload from messaging.outbox order by seq`)
    ).map(({ payload }) => payload);
    const stream = await readStream(source.natsUrl, source.streamName);
    const textsOf = (place: string, texts: Iterable<string>): TextFact[] =>
      [...texts].map((text) => ({ place, text }));
    const shown = async (table: string): Promise<TextFact[]> =>
      textsOf(table, await texts(`select to_jsonb(t)::text as row from ${table} t`));
    return {
      accepted: source.accepted,
      told: source.told,
      running: await readRunning(source.temporal),
      texts: [
        ...textsOf(
          'outbox',
          outbox.map((event) => JSON.stringify(event)),
        ),
        ...textsOf(
          'stream',
          stream.map((event) => JSON.stringify(event)),
        ),
        ...textsOf('answer', source.answers),
        ...(await shown('read.order_summary')),
        ...(await shown('read.order_search')),
        ...textsOf('history', await readHistories(source.temporal)),
      ],
      initialStock: source.initialStock,
      ledger: await rows(
        `select idempotency_key as key, kind, amount_minor::float8 as amount from payments.ledger`,
      ),
      payments: await rows(`select idempotency_key as key, state from payments.payments`),
      bookings: await rows(`select booking_key as key, state from shipping.bookings`),
      stock: await rows(
        `select sku, on_hand as "onHand", reserved, shipped::float8 as shipped from inventory.stock`,
      ),
      reservations: await rows(`select order_id as "orderId", state, lines from inventory.reservations`),
      keys: await rows(`select subject, key, order_id as "orderId" from orders.idempotency_keys`),
      orders: await rows(
        `select id, status, total_minor::float8 as total, inventory, payment, shipment, cancel_reason as reason,
           to_jsonb(o) ->> 'undo_reason' as "firstReason", to_jsonb(o) ->> 'undo_detail' as "firstDetail"
         from orders.orders o`,
      ),
      outbox,
      stream,
      timelines: new Map(timelines.map(({ id, versions }) => [id, versions])),
      read: {
        orders: await texts(
          `select concat_ws('|', order_id, status, inventory, payment, shipment, approval, stuck_cause,
             waiver ->> 'requestedBy', version,
             total_minor, currency, cancel_reason, (select string_agg(concat(entry ->> 'version', ':', entry ->> 'event'), ','
               order by (entry ->> 'version')::integer) from jsonb_array_elements(timeline) as entry)) as row
           from read.order_summary`,
        ),
        sales: await texts(
          `select concat_ws('|', grain, extract(epoch from bucket)::bigint, sku, currency, status, sum(orders), sum(quantity),
             sum(amount_minor)) as row
           from read.sales
           group by grain, bucket, sku, currency, status
           having (sum(orders), sum(quantity), sum(amount_minor)) <> (0, 0, 0)`,
        ),
        products: await texts(
          `select concat_ws('|', sku, name, price_minor, currency, available, product_version, stock_version) as row
           from read.products`,
        ),
        stuckSagas: await texts(
          `select concat_ws('|', stuck ->> 'workflowId', order_id, stuck ->> 'saga', stuck ->> 'undo', stuck_cause,
             stuck ->> 'code', stuck ->> 'detail', stuck ->> 'attempts', stuck ->> 'occurrence',
             floor(extract(epoch from stuck_since))::bigint, total_minor, currency) as row
           from read.order_summary
           where stuck is not null or stuck_cause is not null`,
        ),
        customers: await texts(
          `select concat_ws('|', customer_id, currency, sum(orders), sum(open), sum(completed), sum(cancelled),
             sum(refunded), sum(spent_minor)) as row
           from read.customers
           group by customer_id, currency
           having (sum(orders), sum(open), sum(completed), sum(cancelled), sum(refunded), sum(spent_minor))
             <> (0, 0, 0, 0, 0, 0)`,
        ),
        operations: await texts(
          `select concat_ws('|', extract(epoch from bucket)::bigint, what, cause, slot, sum(times)) as row
           from read.operations
           group by bucket, what, cause, slot
           having sum(times) <> 0`,
        ),
        orderSearch: await texts(
          `select concat_ws('|', order_id, customer_id, status, reason, detail, parcel, stuck,
             array_to_string(skus, ','), floor(extract(epoch from placed_at))::bigint, words) as row
           from read.order_search`,
        ),
      },
    };
  } finally {
    await client.end();
  }
}

/** Every message that the stream holds now, in its order. */
async function readStream(natsUrl: string, stream: string): Promise<EventFact[]> {
  const connection = await connect({ servers: natsUrl });
  try {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info(stream);
    if (state.messages === 0) return [];
    const { name } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      inactive_threshold: 60_000_000_000,
    });
    const consumer = await connection.jetstream().consumers.get(stream, name);
    const events: EventFact[] = [];
    for await (const message of await consumer.consume({ max_messages: 1_000 })) {
      events.push(message.json());
      // The last message may be deleted, so its sequence may never come.
      if (message.seq >= state.last_seq || message.info.pending === 0) break;
    }
    return events;
  } finally {
    await connection.close();
  }
}
