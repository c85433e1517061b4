import type { EventFact, ReadTables } from './facts.ts';

// A fold of the stream written independently of the projections, to compare their tables with.

interface Line {
  readonly sku: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
}

/** Why a saga waits for an operator. */
interface Stuck {
  readonly workflowId: string;
  readonly undo: string;
  readonly code: string;
  readonly detail: string;
  readonly attempts: number;
  readonly occurrence: number;
  readonly since: string;
}

interface Order {
  readonly id: string;
  readonly customerId: string;
  readonly placedAt: string;
  readonly currency: string;
  readonly total: number;
  readonly lines: readonly Line[];
  status: string;
  inventory: string;
  payment: string;
  shipment: string;
  approval: string;
  stuck: Stuck | undefined;
  /** Who wants to waive what is stuck. */
  waiver: string | undefined;
  reason: string | undefined;
  detail: string | undefined;
  parcel: string | undefined;
  readonly timeline: string[];
  readonly happened: Happening[];
}

/** What operations count of an order. */
interface Happening {
  readonly at: string;
  readonly what: string;
  readonly cause: string;
  /** Since when it took, where that is counted. */
  readonly since?: string;
}

interface Product {
  readonly sku: string;
  listing?: { readonly name: string; readonly priceMinor: number; readonly currency: string };
  available?: number;
  productVersion: number;
  stockVersion: number;
}

/** What each event type does to an order's status and facets. */
const effects: Readonly<Record<string, Partial<Order>>> = {
  InventoryReserved: { status: 'RESERVED', inventory: 'RESERVED' },
  PaymentCharged: { status: 'PAID', payment: 'CHARGED' },
  OrderCompleted: { status: 'COMPLETED' },
  InventoryReleased: { inventory: 'RELEASED' },
  PaymentRefunded: { payment: 'REFUNDED' },
  OrderCancelled: { status: 'CANCELLED' },
  ShipmentBooked: { shipment: 'BOOKED' },
  ShipmentDispatched: { status: 'SHIPPED', inventory: 'SHIPPED', shipment: 'DISPATCHED' },
  ShipmentDelivered: { status: 'DELIVERED', shipment: 'DELIVERED' },
  ShipmentFailed: { shipment: 'FAILED' },
  OrderRefunded: { status: 'REFUNDED' },
  ApprovalRequested: { approval: 'REQUESTED' },
  OrderApproved: { approval: 'GRANTED' },
  OrderRejected: { approval: 'REFUSED' },
  // What these do depends on their data: see `foldOperations`.
  OrderStuck: {},
  WaiverRequested: {},
  StuckResolved: {},
};

const ends = new Set(['OrderCancelled', 'OrderRefunded', 'ShipmentDelivered']);
/** What an operator may settle outside the saga, by the compensation that failed. */
const settles: Readonly<Record<string, 'payment' | 'inventory'>> = {
  refundPayment: 'payment',
  releaseInventory: 'inventory',
};
const settlements: Readonly<Record<string, string>> = { 'done-by-hand': 'BY_HAND', waive: 'WAIVED' };

/** The read tables that this stream makes, in the text form of `Facts.read`. */
export function foldStream(stream: readonly EventFact[]): ReadTables {
  const seen = new Set<string>();
  const orders = new Map<string, Order>();
  const products = new Map<string, Product>();
  for (const event of stream) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    if (event.aggregateType === 'order') foldOrder(orders, event);
    else foldProduct(products, event);
  }
  return {
    orders: [...orders.values()].map(orderRow).sort(),
    stuckSagas: [...orders.values()].flatMap(stuckRows).sort(),
    sales: salesRows([...orders.values()]),
    products: [...products.values()].map(productRow).sort(),
    customers: customerRows([...orders.values()]),
    operations: operationRows([...orders.values()]),
    orderSearch: [...orders.values()].map(searchRow).sort(),
  };
}

function foldOrder(orders: Map<string, Order>, event: EventFact): void {
  const entry = `${event.aggregateVersion}:${event.type}`;
  if (event.type === 'OrderCreated') {
    const data = event.data as {
      customerId: string;
      lines: Line[];
      currency: string;
      totalMinor: number;
    };
    orders.set(event.aggregateId, {
      id: event.aggregateId,
      customerId: data.customerId,
      placedAt: event.occurredAt,
      currency: data.currency,
      total: data.totalMinor,
      lines: data.lines,
      status: 'PENDING',
      inventory: 'NONE',
      payment: 'NONE',
      shipment: 'NONE',
      approval: 'NONE',
      stuck: undefined,
      waiver: undefined,
      reason: undefined,
      detail: undefined,
      parcel: undefined,
      timeline: [entry],
      happened: [{ at: event.occurredAt, what: 'accepted', cause: '' }],
    });
    return;
  }
  const order = orders.get(event.aggregateId);
  const effect = effects[event.type];
  if (!order || !effect) throw new Error(`the checker cannot fold ${event.type} of ${event.aggregateId}`);
  Object.assign(order, effect);
  order.happened.push(...happeningsOf(order, event));
  foldOperations(order, event);
  if (event.type === 'OrderCancelled' || event.type === 'OrderRefunded') {
    order.reason = event.data['reason'] as string;
    order.detail = event.data['detail'] as string;
  }
  if (event.type === 'ShipmentBooked') {
    const { carrier, trackingNumber } = event.data as { carrier: string; trackingNumber: string };
    order.parcel = `${carrier} ${trackingNumber}`;
  }
  order.timeline.push(entry);
}

/** @param order as it was before an operator, or its end, has settled what it was stuck with */
function happeningsOf({ placedAt, stuck }: Order, { type, occurredAt: at, data }: EventFact): Happening[] {
  const resolved =
    stuck && (type === 'OrderStuck' || type === 'StuckResolved' || ends.has(type))
      ? [{ at, what: 'resolved', cause: causeOf(stuck), since: stuck.since }]
      : [];
  switch (type) {
    case 'OrderCompleted':
      return [{ at, what: 'completed', cause: '', since: placedAt }];
    case 'OrderCancelled':
      return [...resolved, { at, what: 'cancelled', cause: data['reason'] as string }];
    case 'OrderRefunded':
      return [...resolved, { at, what: 'refunded', cause: data['reason'] as string }];
    case 'ShipmentDelivered':
      return [...resolved, { at, what: 'delivered', cause: '' }];
    case 'OrderStuck':
      return [...resolved, { at, what: 'stuck', cause: causeOf(data as unknown as Stuck) }];
    default:
      return resolved;
  }
}

function foldOperations(order: Order, { type, occurredAt, data }: EventFact): void {
  if (type === 'OrderStuck') order.stuck = { ...(data as unknown as Stuck), since: occurredAt };
  if (type === 'WaiverRequested') order.waiver = data['operator'] as string;
  else if (type === 'OrderStuck' || type === 'StuckResolved' || ends.has(type)) order.waiver = undefined;
  if (ends.has(type)) order.stuck = undefined;
  if (type !== 'StuckResolved') return;
  order.stuck = undefined;
  const facet = settles[data['undo'] as string];
  const settlement = settlements[data['decision'] as string];
  if (facet && settlement) order[facet] = settlement;
}

function foldProduct(products: Map<string, Product>, event: EventFact): void {
  const product = products.get(event.aggregateId) ?? {
    sku: event.aggregateId,
    productVersion: 0,
    stockVersion: 0,
  };
  products.set(product.sku, product);
  if (event.type === 'ProductListed') {
    product.listing = event.data as unknown as NonNullable<Product['listing']>;
    product.productVersion = event.aggregateVersion;
  } else {
    product.available = event.data['available'] as number;
    product.stockVersion = event.aggregateVersion;
  }
}

/** As PostgreSQL's concat_ws writes them: absent values are left out. */
const row = (...values: (string | number | undefined)[]): string =>
  values.filter((value) => value !== undefined).join('|');

const orderRow = (order: Order): string =>
  row(
    ...[order.id, order.status, order.inventory, order.payment, order.shipment, order.approval],
    ...[order.stuck && causeOf(order.stuck), order.waiver, order.timeline.length],
    ...[order.total, order.currency, order.reason, order.timeline.join(',')],
  );

const causeOf = ({ undo, code }: Stuck): string => `${undo}: ${code}`;

function stuckRows({ id, stuck, total, currency }: Order): string[] {
  if (!stuck) return [];
  const saga = stuck.workflowId.startsWith('shipment-') ? 'shipment' : 'order';
  const since = Math.floor(Date.parse(stuck.since) / 1_000);
  const failure = [stuck.undo, causeOf(stuck), stuck.code, stuck.detail, stuck.attempts, stuck.occurrence];
  return [row(stuck.workflowId, id, saga, ...failure, since, total, currency)];
}

const productRow = ({ sku, listing, available, productVersion, stockVersion }: Product): string =>
  row(sku, listing?.name, listing?.priceMinor, listing?.currency, available, productVersion, stockVersion);

function searchRow(order: Order): string {
  const { id, customerId, status, reason, detail, parcel, placedAt } = order;
  const stuck = order.stuck && causeOf(order.stuck);
  const skus = order.lines.map(({ sku }) => sku);
  const words = [id, customerId, status, reason, parcel, stuck, ...skus, detail]
    .filter((text) => text !== undefined)
    .join(' ')
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== '')
    .join(' ')
    .slice(0, 10_000);
  const second = Math.floor(Date.parse(placedAt) / 1_000);
  return row(id, customerId, status, reason, detail, parcel, stuck, skus.join(','), second, words);
}

const QUARTER_S = 900;
const quarterOf = (at: string): number => Math.floor(Date.parse(at) / 1_000 / QUARTER_S) * QUARTER_S;

/** Figures by key, added up. */
function createSums(): { add(key: string, figures: readonly number[]): void; rows(): string[] } {
  const sums = new Map<string, readonly number[]>();
  return {
    add: (key, figures) => {
      const before = sums.get(key) ?? figures.map(() => 0);
      sums.set(
        key,
        before.map((value, index) => value + (figures[index] ?? 0)),
      );
    },
    rows: () => [...sums].map(([key, figures]) => row(key, ...figures)).sort(),
  };
}

const isOpen = new Set(['PENDING', 'RESERVED', 'PAID']);
const isSold = new Set(['COMPLETED', 'SHIPPED', 'DELIVERED']);

function customerRows(orders: readonly Order[]): string[] {
  const sums = createSums();
  for (const { customerId, currency, status, total } of orders) {
    const counts = [isOpen.has(status), isSold.has(status), status === 'CANCELLED', status === 'REFUNDED'];
    sums.add(row(customerId, currency), [1, ...counts.map(Number), isSold.has(status) ? total : 0]);
  }
  return sums.rows();
}

/** How long something took, by slots that are a tenth wider each. */
function slotOf(at: string, since: string | undefined): number {
  if (since === undefined) return 0;
  const tookMs = Math.max(1, Date.parse(at) - Date.parse(since));
  return 1 + Math.ceil(Math.log(tookMs) / Math.log(1.1));
}

function operationRows(orders: readonly Order[]): string[] {
  const sums = createSums();
  for (const { at, what, cause, since } of orders.flatMap(({ happened }) => happened))
    sums.add(row(quarterOf(at), what, cause, slotOf(at, since)), [1]);
  return sums.rows();
}

/** Minutes of the buckets in which whole orders are added up, and lines. */
const GRAINS = { orders: [15, 60, 360, 1_440], lines: [15, 1_440] };

function salesRows(orders: readonly Order[]): string[] {
  const sums = createSums();
  for (const { placedAt, currency, status, total, lines } of orders) {
    const bucketOf = (grain: number): number =>
      Math.floor(Date.parse(placedAt) / 60_000 / grain) * grain * 60;
    const pieces = lines.map(({ quantity }) => quantity).reduce((sum, quantity) => sum + quantity, 0);
    for (const grain of GRAINS.orders)
      sums.add(row(grain, bucketOf(grain), '', currency, status), [1, pieces, total]);
    for (const grain of GRAINS.lines)
      for (const { sku, quantity, unitPriceMinor } of lines)
        sums.add(row(grain, bucketOf(grain), sku, currency, status), [
          1,
          quantity,
          quantity * unitPriceMinor,
        ]);
  }
  return sums.rows();
}
