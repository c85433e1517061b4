import type { Knex } from './connection.ts';

/** A key of a principal, and the body that it came with. */
export interface KeyClaim {
  readonly subject: string;
  readonly key: string;
  readonly bodyHash: string;
}

/** What a key is tied to. */
interface Tied {
  readonly orderId: string;
  readonly bodyHash: string;
}

/** Keys, each by its principal. */
export interface KeyStates {
  has(subject: string, key: string): boolean;
  /** @returns undefined for a key that is not tied, or that another transaction holds. */
  of(subject: string, key: string): Tied | undefined;
}

export interface KeyRow {
  readonly subject: string;
  readonly key: string;
  readonly orderId: string;
  readonly bodyHash: string;
}

/** Keeps these locks apart from other users of advisory locks. */
const LOCK_SEED = 0x1de0;

/**
 * Parts of a statement that tie keys to orders, of `asked` (id, subject, key, "bodyHash"), those that are free or
 * expired; no key twice. `claimed` has those that could be tied.
 *
 * Nobody waits for a key: its advisory lock, which ends with the transaction, is taken first, and a key whose lock
 * another transaction has is left out. What that transaction commits between this statement's snapshot and the lock
 * is a conflict that the snapshot does not show; such a key is left out as well.
 */
export const claimKeys = `free as materialized (
    select *
    from asked
    where key is not null and pg_try_advisory_xact_lock(hashtextextended(subject || ' ' || key, ${LOCK_SEED}))
  ), claimed as (
    insert into orders.idempotency_keys as kept (subject, key, order_id, body_hash, created_at)
    select subject, key, id, "bodyHash", :now
    from free
    on conflict (subject, key) do update
      set order_id = excluded.order_id, body_hash = excluded.body_hash, created_at = excluded.created_at
      where kept.created_at < :keysFrom
    returning subject, key, order_id, body_hash
  )`;

/** What each key of `free` is tied to now: the order that has just claimed it, or an earlier one. */
export const keyStates = `
  select subject, key, order_id as "orderId", body_hash as "bodyHash"
  from claimed
  union all
  select kept.subject, kept.key, kept.order_id, kept.body_hash
  from free
  join orders.idempotency_keys kept on kept.subject = free.subject and kept.key = free.key
  where kept.created_at >= :keysFrom
    and not exists (select from claimed where claimed.subject = free.subject and claimed.key = free.key)`;

const find = `
  select subject, key, order_id as "orderId", body_hash as "bodyHash"
  from json_to_recordset(cast(:claims as json)) as asked (subject text, key text)
  join orders.idempotency_keys using (subject, key)
  where created_at >= :keysFrom`;

/** What keys are tied to, by those that are committed. */
export async function findKeys(db: Knex, claims: readonly KeyClaim[], keysFrom: Date): Promise<KeyStates> {
  const { rows } = await db.raw<{ rows: KeyRow[] }>(find, { claims: JSON.stringify(claims), keysFrom });
  return statesOf(rows);
}

/** One text for both; a key holds no blank, which makes it clear where the subject begins. */
export const principalKey = (subject: string, key: string): string => `${key} ${subject}`;

export function statesOf(rows: readonly KeyRow[]): KeyStates {
  const states = new Map(
    rows.map(({ subject, key, ...tied }): [string, Tied] => [principalKey(subject, key), tied]),
  );
  return {
    has: (subject, key) => states.has(principalKey(subject, key)),
    of: (subject, key) => states.get(principalKey(subject, key)),
  };
}

// Uses the index idempotency_keys_by_age. A claim that takes an expired key over at the same moment waits, or is
// waited for; should each wait for the other, PostgreSQL ends one of them, and either is tried again.
const removeExpired = `
  delete from orders.idempotency_keys
  where created_at < :keysFrom and (subject, key) in (
    select subject, key
    from orders.idempotency_keys
    where created_at < :keysFrom
    order by created_at
    limit :atMost
  )`;

/** Removes expired keys, the oldest first, in one transaction of its own. @returns how many there were. */
export async function removeExpiredKeys(
  db: Knex,
  { keysFrom, atMost }: { keysFrom: Date; atMost: number },
): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number }>(removeExpired, { keysFrom, atMost });
  return rowCount;
}
