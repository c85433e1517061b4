import { OrderSystemError } from '../domain/errors.ts';
import { toEvent, type OrderEvent, type OrderFact, type Provenance } from '../domain/events.ts';
import type { OrderPosition } from '../domain/order-saga.ts';
import {
  beginUndo,
  decide,
  evolve,
  type Order,
  type OrderCommand,
  type SagaKind,
  type UndoReason,
} from '../domain/order.ts';
import type { PricedLine } from '../domain/money.ts';
import { newId, type Clock } from '../platform/clock.ts';
import { appendAudit, auditOf } from './audit.ts';
import type { Knex } from './connection.ts';
import { appendEvents, shardsOf, type Nudge } from './event-store.ts';

/** A pg `bigint` arrives as text; amounts are checked to be safe integers when they are written. */
interface OrderRow extends Pick<
  Order,
  'id' | 'status' | 'inventory' | 'payment' | 'shipment' | 'approval' | 'version' | 'currency'
> {
  customer_id: string;
  payment_method: Order['paymentMethod'];
  total_minor: string;
  cancel_reason: string | null;
  stuck_cause: string | null;
  stuck_workflow: string | null;
  stuck_occurrence: number;
  waiver_requested_by: string | null;
  waiver_reason: string | null;
  undo_began_at: Date | null;
  undo_reason: UndoReason['reason'] | null;
  undo_detail: string | null;
  placed_at: Date;
  /** As `lines` below selects them. */
  lines: readonly PricedLine[];
}

/** An order of the write side, for a command that must know it. @throws OrderSystemError ORDER_NOT_FOUND */
export const findOrder = async (db: Knex, id: string): Promise<Order> =>
  (await readOrder(db, findOrderSql, id)).order;

/**
 * Workflows that wait for an operator, the oldest first.
 * @param notWaivedBy leaves out those that this operator has asked to waive: there, only another one can go on
 */
export async function findStuck(
  db: Knex,
  cause: string,
  limit: number,
  notWaivedBy?: string,
): Promise<string[]> {
  // Uses the partial index orders_stuck.
  const query = db<OrderRow>('orders.orders')
    .where('stuck_cause', cause)
    .orderBy('updated_at')
    .limit(limit)
    .select('stuck_workflow');
  if (notWaivedBy !== undefined) void query.whereRaw('waiver_requested_by is distinct from ?', [notWaivedBy]);
  const rows = await query;
  return rows.map(({ stuck_workflow }) => stuck_workflow ?? '');
}

export interface OrderRepository {
  /** @throws OrderSystemError ORDER_NOT_FOUND */
  positionOf(id: string): Promise<KnownPosition>;
  /**
   * Records why a saga compensates and fences the completion of the order; the first reason stays. Changes nothing once
   * the order is past this saga. @throws OrderSystemError ORDER_NOT_FOUND
   */
  beginUndo(id: string, saga: SagaKind, why: UndoReason): Promise<OrderPosition>;
  /**
   * Decides a command and writes the order row and its events in one transaction.
   * @returns the order afterwards, its new events (none when the command had been carried out before), and
   * when it was placed.
   * @throws OrderSystemError INVALID_TRANSITION, ORDER_NOT_FOUND
   */
  change(id: string, command: OrderCommand, provenance: Provenance): Promise<ChangedOrder>;
}

/** With what has become of money and stock. */
interface KnownPosition extends OrderPosition, Pick<Order, 'payment' | 'inventory'> {}

export interface ChangedOrder {
  readonly order: Order;
  readonly events: readonly OrderEvent[];
  readonly placedAt: Date;
}

export function createOrderRepository({
  db,
  clock,
  nudge,
}: {
  db: Knex;
  clock: Clock;
  nudge: Nudge;
}): OrderRepository {
  return {
    positionOf: async (id) => {
      const row = await db<OrderRow>('orders.orders')
        .where({ id })
        .first('status', 'approval', 'payment', 'inventory', 'undo_reason', 'undo_detail');
      if (!row) throw notFound(id);
      const { status, approval, payment, inventory } = row;
      return { status, approval, payment, inventory, undo: undoOf(row) };
    },

    // Takes the row's lock: a completion that is under way is either done before, or sees the fence.
    beginUndo: (id, saga, why) =>
      db.transaction(async (trx) => {
        const { order: before } = await readOrder(trx, lockOrderSql, id);
        const { status, approval, undo } = beginUndo(before, saga, why);
        if (undo !== before.undo && undo !== null)
          await trx('orders.orders').where({ id }).update({
            undo_began_at: clock.now(),
            undo_reason: undo.reason,
            undo_detail: undo.detail,
          });
        return { status, approval, undo };
      }),

    change: async (id, command, provenance) => {
      const changed = await db.transaction(async (trx) => {
        const { order: before, placedAt } = await readOrder(trx, lockOrderSql, id);
        const facts = decide(before, command);
        if (facts.length === 0) return { order: before, events: [], placedAt };
        const { order, events } = applyFacts(before, facts, clock.now(), provenance);
        await updateOrder(trx, before.version, order, clock.now());
        await appendEvents(trx, events);
        await appendAudit(trx, auditOf(events));
        return { order, events, placedAt };
      });
      nudge(shardsOf(changed.events));
      return changed;
    },
  };
}

function applyFacts(
  before: Order,
  facts: readonly OrderFact[],
  occurredAt: Date,
  provenance: Provenance,
): { order: Order; events: OrderEvent[] } {
  let order = before;
  const events: OrderEvent[] = [];
  for (const fact of facts) {
    order = evolve(order, order.id, fact);
    const at = { id: newId(), aggregateId: order.id, aggregateVersion: order.version, occurredAt };
    events.push(toEvent(fact, at, provenance));
  }
  return { order, events };
}

const lines = `(
    select jsonb_agg(
      jsonb_build_object('sku', l.sku, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor) order by l.line_no)
    from orders.order_lines l
    where l.order_id = o.id
  ) as lines`;

// The row lock orders all changes of one order; the outbox takes its numbers while it is held.
const lockOrderSql = `select o.*, ${lines} from orders.orders o where o.id = :id for update of o`;
const findOrderSql = `select o.*, ${lines} from orders.orders o where o.id = :id`;

async function readOrder(db: Knex, sql: string, id: string): Promise<{ order: Order; placedAt: Date }> {
  const { rows } = await db.raw<{ rows: OrderRow[] }>(sql, { id });
  const [row] = rows;
  if (!row) throw notFound(id);
  const order: Order = {
    id: row.id,
    customerId: row.customer_id,
    lines: row.lines,
    totalMinor: Number(row.total_minor),
    currency: row.currency,
    paymentMethod: row.payment_method,
    version: row.version,
    status: row.status,
    inventory: row.inventory,
    payment: row.payment,
    shipment: row.shipment,
    approval: row.approval,
    cancelReason: row.cancel_reason,
    stuckCause: row.stuck_cause,
    stuckWorkflow: row.stuck_workflow,
    stuckOccurrence: row.stuck_occurrence,
    waiver:
      row.waiver_requested_by === null || row.waiver_reason === null
        ? null
        : { requestedBy: row.waiver_requested_by, reason: row.waiver_reason },
    undoBegan: row.undo_began_at !== null,
    undo: undoOf(row),
  };
  return { order, placedAt: row.placed_at };
}

const undoOf = ({
  undo_reason: reason,
  undo_detail: detail,
}: Pick<OrderRow, 'undo_reason' | 'undo_detail'>): UndoReason | null =>
  reason === null || detail === null ? null : { reason, detail };

type StateColumns = Pick<
  OrderRow,
  | 'status'
  | 'inventory'
  | 'payment'
  | 'shipment'
  | 'approval'
  | 'version'
  | 'cancel_reason'
  | 'stuck_cause'
  | 'stuck_workflow'
  | 'stuck_occurrence'
  | 'waiver_requested_by'
  | 'waiver_reason'
>;

/** The columns that events change, without those that only a saga's fence writes. */
export const stateColumns = (order: Order): StateColumns => ({
  status: order.status,
  inventory: order.inventory,
  payment: order.payment,
  shipment: order.shipment,
  approval: order.approval,
  version: order.version,
  cancel_reason: order.cancelReason,
  stuck_cause: order.stuckCause,
  stuck_workflow: order.stuckWorkflow,
  stuck_occurrence: order.stuckOccurrence,
  waiver_requested_by: order.waiver?.requestedBy ?? null,
  waiver_reason: order.waiver?.reason ?? null,
});

/** The version guard finds a writer that forgot the lock. */
async function updateOrder(
  trx: Knex.Transaction,
  versionBefore: number,
  order: Order,
  now: Date,
): Promise<void> {
  const updated = await trx('orders.orders')
    .where({ id: order.id, version: versionBefore })
    .update({
      ...stateColumns(order),
      ...(order.undoBegan ? {} : { undo_began_at: null, undo_reason: null, undo_detail: null }),
      updated_at: now,
    });
  if (updated !== 1) throw new Error(`order ${order.id} is no longer at version ${versionBefore}`);
}

const notFound = (id: string): OrderSystemError =>
  new OrderSystemError('ORDER_NOT_FOUND', `there is no order ${id}`);
