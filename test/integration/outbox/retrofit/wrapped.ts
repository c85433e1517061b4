import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Knex } from 'knex';
import { append, nextVersion, shardOf, type OutboxTransaction } from '../../../../db/outbox/index.ts';
import type { OrderEventType } from './events.ts';
import { outbox, SHARDS } from './install.ts';

// doc: record
type OrderRow = Record<'id' | 'customer' | 'item' | 'status', string> & { total_cents: number };

/** Called behind the write, in its transaction. */
async function record(trx: OutboxTransaction, eventType: OrderEventType, row: OrderRow): Promise<void> {
  const { id, ...payload } = row;
  const aggregate = { aggregateType: 'order', aggregateId: id };
  const aggregateVersion = await nextVersion(trx, aggregate, outbox);
  const shard = shardOf(id, SHARDS);
  const event = { id: randomUUID(), shard, ...aggregate, aggregateVersion, eventType, payload, headers: {} };
  await append(trx, [event], outbox);
}
// end doc

// doc: knex
export const placeOrder = (db: Knex, customer: string, item: string, totalCents: number): Promise<string> =>
  db.transaction(async (trx) => {
    const { rows } = await trx.raw<{ rows: [OrderRow] }>(
      `insert into shop.orders (customer, item, total_cents) values (?, ?, ?)
       returning id, customer, item, status, total_cents`,
      [customer, item, totalCents],
    );
    await record(trx, 'OrderPlaced', rows[0]);
    return rows[0].id;
  });
// end doc

// doc: client
export const payOrder = (client: ClientBase, id: string): Promise<void> =>
  changeStatus(client, id, 'PAID', 'OrderPaid');

/** An order that is no longer new stays as it is, and tells nothing. */
async function changeStatus(
  client: ClientBase,
  id: string,
  status: string,
  eventType: OrderEventType,
): Promise<void> {
  await client.query('begin');
  try {
    const { rows } = await client.query<OrderRow>(
      `update shop.orders set status = $2 where id = $1 and status = 'NEW'
       returning id, customer, item, status, total_cents`,
      [id, status],
    );
    for (const row of rows) await record(client, eventType, row);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
// end doc

// doc: cancel
export const cancelOrder = (client: ClientBase, id: string): Promise<void> =>
  changeStatus(client, id, 'CANCELLED', 'OrderCancelled');
// end doc
