import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Knex } from '../../../../db/connection.ts';
import { append, nextVersion, shardOf, type OutboxTransaction } from '../../../../db/outbox/index.ts';
import type { OrderEventType } from './events.ts';
import { outbox, SHARDS } from './install.ts';

// doc: record
type OrderRow = Record<'id' | 'customer' | 'status', string> & { total_cents: number };

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
export const placeOrder = (db: Knex, customer: string, totalCents: number): Promise<string> =>
  db.transaction(async (trx) => {
    const { rows } = await trx.raw<{ rows: [OrderRow] }>(
      `insert into shop.orders (customer, total_cents) values (?, ?)
       returning id, customer, status, total_cents`,
      [customer, totalCents],
    );
    await record(trx, 'OrderPlaced', rows[0]);
    return rows[0].id;
  });
// end doc

// doc: client
export async function payOrder(client: ClientBase, id: string): Promise<void> {
  await client.query('begin');
  try {
    const { rows } = await client.query<OrderRow>(
      `update shop.orders set status = 'PAID' where id = $1 and status = 'NEW'
       returning id, customer, status, total_cents`,
      [id],
    );
    for (const row of rows) await record(client, 'OrderPaid', row);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
// end doc
