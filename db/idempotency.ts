import type { Knex } from './connection.ts';

interface Claim {
  readonly key: string;
  readonly bodyHash: string;
  readonly orderId: string;
  readonly now: Date;
}

/**
 * Ties a key to an order within the caller's transaction. A concurrent request with the same key waits here, on
 * the primary key, until the first one commits or aborts.
 * @returns what the key was tied to before, or undefined when it is now this order's.
 */
export async function claimIdempotencyKey(
  trx: Knex.Transaction,
  { key, bodyHash, orderId, now }: Claim,
): Promise<{ orderId: string; bodyHash: string } | undefined> {
  const inserted = await trx('orders.idempotency_keys')
    .insert({ key, order_id: orderId, body_hash: bodyHash, created_at: now })
    .onConflict('key')
    .ignore()
    .returning('key');
  if (inserted.length > 0) return undefined;
  const row = await trx<{ key: string; order_id: string; body_hash: string }>('orders.idempotency_keys')
    .where({ key })
    .first('order_id', 'body_hash');
  if (!row) throw new Error('an idempotency key vanished between two statements');
  return { orderId: row.order_id, bodyHash: row.body_hash };
}
