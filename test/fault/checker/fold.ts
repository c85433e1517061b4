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
  readonly timeline: string[];
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
  };
}

function foldOrder(orders: Map<string, Order>, event: EventFact): void {
  const entry = `${event.aggregateVersion}:${event.type}`;
  if (event.type === 'OrderCreated') {
    const data = event.data as { lines: Line[]; currency: string; totalMinor: number };
    orders.set(event.aggregateId, {
      id: event.aggregateId,
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
      timeline: [entry],
    });
    return;
  }
  const order = orders.get(event.aggregateId);
  const effect = effects[event.type];
  if (!order || !effect) throw new Error(`the checker cannot fold ${event.type} of ${event.aggregateId}`);
  Object.assign(order, effect);
  foldOperations(order, event);
  if (event.type === 'OrderCancelled' || event.type === 'OrderRefunded') {
    order.reason = event.data['reason'] as string;
  }
  order.timeline.push(entry);
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

/** Minutes of the buckets in which whole orders are added up, and lines. */
const GRAINS = { orders: [15, 60, 360, 1_440], lines: [15, 1_440] };

function salesRows(orders: readonly Order[]): string[] {
  const sums = new Map<string, number[]>();
  const add = (key: string, figures: readonly number[]): void => {
    const before = sums.get(key) ?? figures.map(() => 0);
    sums.set(
      key,
      before.map((value, index) => value + (figures[index] ?? 0)),
    );
  };
  for (const { placedAt, currency, status, total, lines } of orders) {
    const bucketOf = (grain: number): number =>
      Math.floor(Date.parse(placedAt) / 60_000 / grain) * grain * 60;
    const pieces = lines.map(({ quantity }) => quantity).reduce((sum, quantity) => sum + quantity, 0);
    for (const grain of GRAINS.orders)
      add(row(grain, bucketOf(grain), '', currency, status), [1, pieces, total]);
    for (const grain of GRAINS.lines)
      for (const { sku, quantity, unitPriceMinor } of lines)
        add(row(grain, bucketOf(grain), sku, currency, status), [1, quantity, quantity * unitPriceMinor]);
  }
  return [...sums].map(([key, figures]) => row(key, ...figures)).sort();
}
