import type { OrderEvent } from '../domain/events.ts';
import { changeBy, type OrderStatus } from '../domain/order.ts';
import { figures, projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';

/** An order as far as its customer's figures are concerned. */
interface CustomerOrder {
  readonly orderId: string;
  readonly version: number;
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly totalMinor: number;
}

/** What a customer's orders in one currency add up to. */
interface CustomerRow {
  readonly customerId: string;
  readonly currency: string;
  /** All of them; each is also one of the four below. */
  readonly orders: number;
  readonly open: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly refunded: number;
  /** Of completed orders, in minor units. */
  readonly spentMinor: number;
}

const customerOrders: Table<CustomerOrder> = {
  name: 'customer_orders',
  columns: {
    orderId: 'uuid',
    version: 'integer',
    customerId: 'text',
    status: 'text',
    currency: 'text',
    totalMinor: 'bigint',
  },
  key: ['orderId'],
};

const customerTable: Table<CustomerRow> = {
  name: 'customers',
  columns: {
    customerId: 'text',
    currency: 'text',
    orders: 'bigint',
    open: 'bigint',
    completed: 'bigint',
    cancelled: 'bigint',
    refunded: 'bigint',
    spentMinor: 'bigint',
  },
  // A customer is a range of this index.
  key: ['customerId', 'currency'],
};

function evolve(before: CustomerOrder | undefined, event: OrderEvent): CustomerOrder | undefined {
  if (event.type === 'OrderCreated') {
    const { customerId, currency, totalMinor } = event.data;
    return {
      orderId: event.aggregateId,
      version: event.aggregateVersion,
      customerId,
      status: 'PENDING',
      currency,
      totalMinor,
    };
  }
  const { status } = changeBy(event);
  if (!before || status === undefined) return before;
  return { ...before, status, version: event.aggregateVersion };
}

type Group = 'open' | 'completed' | 'cancelled' | 'refunded';

function groupOf(status: OrderStatus): Group {
  switch (status) {
    case 'PENDING':
    case 'RESERVED':
    case 'PAID':
      return 'open';
    case 'COMPLETED':
    case 'SHIPPED':
    case 'DELIVERED':
      return 'completed';
    case 'CANCELLED':
      return 'cancelled';
    case 'REFUNDED':
      return 'refunded';
  }
}

const nothing = { open: 0, completed: 0, cancelled: 0, refunded: 0 };

function countsFor({ customerId, currency, status, totalMinor }: CustomerOrder): CustomerRow[] {
  const group = groupOf(status);
  const spentMinor = group === 'completed' ? totalMinor : 0;
  return [{ customerId, currency, orders: 1, ...nothing, [group]: 1, spentMinor }];
}

/**
 * What each customer has ordered, and spent. When they ordered first and last is no sum; the index of the order views
 * by customer tells it.
 */
export const customers = projection<CustomerOrder, OrderEvent>({
  name: 'customers',
  version: 1,
  aggregates: ['order'],
  state: customerOrders,
  versionIn: ({ version }) => version,
  evolve,
  figures: [figures({ table: customerTable, of: countsFor })],
});
