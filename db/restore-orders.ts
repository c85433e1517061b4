import type { OrderEvent } from '../domain/events.ts';
import { evolve, type Order } from '../domain/order.ts';
import type { Knex } from './connection.ts';
import { findOrder, stateColumns } from './order-repository.ts';

/**
 * Writes what these events make of an order to its row, within the caller's transaction.
 * @param events continue the row, in order; the first one is `OrderCreated` when there is no row
 * @throws Error when the row is at another version than the events continue
 */
export async function restoreOrder(trx: Knex.Transaction, events: readonly OrderEvent[]): Promise<Order> {
  const [first] = events;
  const last = events.at(-1);
  if (!first || !last) throw new Error('an order cannot be restored from no event');
  const id = first.aggregateId;
  const locked = await trx('orders.orders')
    .where({ id })
    .forUpdate()
    .first<{ version: number } | undefined>('version');
  let order = locked ? await findOrder(trx, id) : undefined;
  for (const event of events) {
    if (event.aggregateVersion !== (order?.version ?? 0) + 1)
      throw new Error(`order ${id} is at version ${order?.version ?? 0} meanwhile`);
    order = evolve(order, id, event);
  }
  if (!order) throw new Error(`order ${id} has no state`);
  const state = { ...stateColumns(order), updated_at: new Date(last.occurredAt) };
  if (locked) await trx('orders.orders').where({ id }).update(state);
  else await insertOrder(trx, order, { ...state, placed_at: new Date(first.occurredAt) });
  return order;
}

async function insertOrder(
  trx: Knex.Transaction,
  order: Order,
  state: ReturnType<typeof stateColumns> & { readonly updated_at: Date; readonly placed_at: Date },
): Promise<void> {
  await trx('orders.orders').insert({
    id: order.id,
    customer_id: order.customerId,
    payment_method: order.paymentMethod,
    total_minor: order.totalMinor,
    currency: order.currency,
    ...state,
  });
  await trx('orders.order_lines').insert(
    order.lines.map(({ sku, quantity, unitPriceMinor }, index) => ({
      order_id: order.id,
      line_no: index + 1,
      sku,
      quantity,
      unit_price_minor: unitPriceMinor,
    })),
  );
}
