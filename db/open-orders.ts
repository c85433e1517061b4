import type { OrderStatus } from '../domain/order.ts';
import type { OrderProgress } from '../domain/slow-sagas.ts';
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

/** An order that has not ended, with how far it is. */
export interface OrderInProgress extends OrderProgress {
  readonly id: string;
  /** When it changed last, or its saga began to compensate. */
  readonly since: Date;
}

const progressColumns = `
  o.id, o.status, o.approval, o.shipment, o.undo_began_at is not null as "undoBegan",
  greatest(o.updated_at, o.undo_began_at) as since`;

// Reads the partial index orders_open, whose condition it repeats.
const selectUnchanged = `
  select ${progressColumns}
  from orders.orders o
  where status not in ('CANCELLED', 'REFUNDED', 'DELIVERED') and stuck_cause is null and id > :after
    and greatest(updated_at, undo_began_at) < case
      when undo_began_at is not null or shipment = 'FAILED' or approval = 'REFUSED' then cast(:changedBefore as timestamptz)
      else cast(cast(:changedBeforeAt as jsonb) ->> status as timestamptz)
    end
  order by id
  limit :limit`;

interface UnchangedOptions {
  /** Id of the last order of the page before; null for the first page. */
  readonly after: string | null;
  /** Leaves out orders that changed later, by status. */
  readonly changedBeforeAt: Readonly<Partial<Record<OrderStatus, Date>>>;
  /** The same for orders whose saga compensates. */
  readonly changedBefore: Date;
  readonly limit: number;
}

/** Orders that have not ended, are not stuck and have not changed for a while, in the order of their ids. */
export async function unchangedOrders(
  db: Knex,
  { after, changedBeforeAt, changedBefore, limit }: UnchangedOptions,
): Promise<readonly OrderInProgress[]> {
  const { rows } = await db.raw<{ rows: OrderInProgress[] }>(selectUnchanged, {
    after: after ?? FIRST_ID,
    changedBeforeAt: JSON.stringify(changedBeforeAt),
    changedBefore,
    limit,
  });
  return rows;
}

const selectProgress = `select ${progressColumns} from orders.orders o where o.id = any(:ids)`;

/** Of these orders, those that there are. */
export async function ordersInProgress(
  db: Knex,
  ids: readonly string[],
): Promise<ReadonlyMap<string, OrderInProgress>> {
  const { rows } = await db.raw<{ rows: OrderInProgress[] }>(selectProgress, { ids });
  return new Map(rows.map((row) => [row.id, row]));
}
