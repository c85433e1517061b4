import type { OrderStatus } from '../domain/order.ts';
import type { Knex } from './connection.ts';

/** An order that has not ended, as far as the search for its saga needs it. */
export interface OpenOrder {
  readonly id: string;
  readonly status: OrderStatus;
  readonly version: number;
}

interface PageOptions {
  /** Id of the last order of the page before; null for the first page. */
  readonly after: string | null;
  /** Leaves out orders that changed later. */
  readonly changedBefore: Date;
  readonly limit: number;
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

// Reads the partial index orders_open, whose condition it repeats.
const selectOpen = `
  select id, status, version
  from orders.orders
  where status not in ('CANCELLED', 'REFUNDED', 'DELIVERED') and updated_at < :changedBefore and id > :after
  order by id
  limit :limit`;

/** Orders that have not ended, in the order of their ids. */
export async function openOrders(
  db: Knex,
  { after, changedBefore, limit }: PageOptions,
): Promise<readonly OpenOrder[]> {
  const { rows } = await db.raw<{ rows: OpenOrder[] }>(selectOpen, {
    after: after ?? FIRST_ID,
    changedBefore,
    limit,
  });
  return rows;
}

const selectHasEnded = `
  select status in ('CANCELLED', 'REFUNDED', 'DELIVERED') as "hasEnded" from orders.orders where id = :orderId`;

/** @returns false also for an order that does not exist */
export async function hasOrderEnded(db: Knex, orderId: string): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { hasEnded: boolean }[] }>(selectHasEnded, { orderId });
  return rows[0]?.hasEnded ?? false;
}
