import type { OrderEvent } from '../domain/events.ts';
import { changeBy, hasEnded, type OrderStatus } from '../domain/order.ts';
import { projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';
import { SEARCH_DOCUMENT, searchWords } from './search-words.ts';

/** What an order is found by. */
interface SearchedOrder {
  readonly orderId: string;
  readonly version: number;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** Why it was cancelled or refunded, in a code and for people. */
  readonly reason: string | null;
  readonly detail: string | null;
  /** Carrier and tracking number. */
  readonly parcel: string | null;
  /** Why its saga waits for an operator. */
  readonly stuck: string | null;
  /** The names of the products are theirs, and may change: a query looks up whose name has a word. */
  readonly skus: readonly string[];
  /** ISO 8601, UTC. */
  readonly placedAt: string;
  /** All of the above that is text. */
  readonly words: string;
}

const searchTable: Table<SearchedOrder> = {
  name: 'order_search',
  columns: {
    orderId: 'uuid',
    version: 'integer',
    customerId: 'text',
    status: 'text',
    reason: 'text?',
    detail: 'text?',
    parcel: 'text?',
    stuck: 'text?',
    skus: 'text[]',
    placedAt: 'timestamptz',
    words: 'text',
  },
  key: ['orderId'],
  computed: { document: SEARCH_DOCUMENT },
  indexes: {
    // GET /orders/search: orders with a word, orders with a product that has it, and the newest of them first, of all
    // customers or of one.
    order_search_by_word: 'using gin (document)',
    order_search_by_product: 'using gin (skus)',
    order_search_newest: '(placed_at desc, order_id desc)',
    order_search_by_customer: '(customer_id, placed_at desc, order_id desc)',
  },
};

type Told = Omit<SearchedOrder, 'words'>;

/** PostgreSQL takes documents of up to a megabyte; a detail comes from whatever failed. */
const MAX_WORDS = 10_000;

const withWords = (order: Told): SearchedOrder => {
  const { orderId, customerId, status, reason, detail, parcel, stuck, skus } = order;
  const words = searchWords(orderId, customerId, status, reason, parcel, stuck, ...skus, detail);
  return { ...order, words: words.slice(0, MAX_WORDS) };
};

function evolve(before: SearchedOrder | undefined, event: OrderEvent): SearchedOrder | undefined {
  if (event.type === 'OrderCreated') {
    return withWords({
      orderId: event.aggregateId,
      version: event.aggregateVersion,
      customerId: event.data.customerId,
      status: 'PENDING',
      reason: null,
      detail: null,
      parcel: null,
      stuck: null,
      skus: event.data.lines.map(({ sku }) => sku),
      placedAt: event.occurredAt,
    });
  }
  if (!before) return undefined;
  const told = changesBy(event, before.status);
  if (Object.keys(told).length === 0) return before;
  return withWords({ ...before, ...told, version: event.aggregateVersion });
}

function changesBy(
  event: Exclude<OrderEvent, { type: 'OrderCreated' }>,
  statusBefore: OrderStatus,
): Partial<Told> {
  const { status, stuckCause } = changeBy(event);
  const hasStuckEnded = hasEnded(status ?? statusBefore);
  return {
    ...(status === undefined ? {} : { status }),
    ...(stuckCause === undefined && !hasStuckEnded
      ? {}
      : { stuck: hasStuckEnded ? null : (stuckCause ?? null) }),
    ...(event.type === 'OrderCancelled' || event.type === 'OrderRefunded'
      ? { reason: event.data.reason, detail: event.data.detail }
      : {}),
    ...(event.type === 'ShipmentBooked'
      ? { parcel: `${event.data.carrier} ${event.data.trackingNumber}` }
      : {}),
  };
}

/** What orders are found by, word by word. */
export const orderSearch = projection<SearchedOrder, OrderEvent>({
  name: 'order-search',
  version: 1,
  aggregates: ['order'],
  state: searchTable,
  versionIn: ({ version }) => version,
  evolve,
});
