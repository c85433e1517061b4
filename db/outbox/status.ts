import type { Knex } from 'knex';
import type { OutboxLocation } from './location.ts';
import { backlogOf, type Backlog } from './window.ts';

/** One shard, for people. */
interface ShardStatus extends Backlog {
  readonly shard: number;
  /** Who publishes it, as that relay calls itself; null before the first. */
  readonly owner: string | null;
  readonly epoch: string;
  /** When a page of it was last published, or the cursor set by hand. */
  readonly movedAt: Date;
  /** Rows that wait for an operator, and rows that wait behind them. */
  readonly parked: number;
  readonly waiting: number;
}

export interface OutboxStatus {
  readonly shards: readonly ShardStatus[];
  /** Age of the oldest transaction of this database that has written or holds a snapshot, in seconds; 0 without one. */
  readonly oldestTransactionSeconds: number;
}

const selectShards = `
  select c.shard, c.owner, c.epoch, c.moved_at as "movedAt",
    (select count(*)::int from :schema:.outbox_parked p where p.shard = c.shard and p.state = 'PARKED') as parked,
    (select count(*)::int from :schema:.outbox_parked p
      where p.shard = c.shard and p.state in ('BEHIND', 'RETRY')) as waiting
  from :schema:.outbox_cursor c
  order by c.shard`;

// Transactions of other users are only visible to members of pg_read_all_stats; the own ones always are.
const selectOldest = `
  select coalesce(extract(epoch from clock_timestamp() - min(xact_start)), 0)::float8 as seconds
  from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()
    and (backend_xid is not null or backend_xmin is not null)`;

/** Who owns each shard and how far it is behind, as it is now. */
export async function outboxStatus(db: Knex, { schema }: OutboxLocation): Promise<OutboxStatus> {
  const { rows } = await db.raw<{ rows: Omit<ShardStatus, keyof Backlog>[] }>(selectShards, { schema });
  const shards: ShardStatus[] = [];
  for (const row of rows) {
    const backlog = await backlogOf(db, { schema, shard: row.shard });
    shards.push({ ...row, rows: backlog.rows, ageSeconds: backlog.ageSeconds });
  }
  return { shards, oldestTransactionSeconds: await oldestTransactionSeconds(db) };
}

/** A transaction that stays open holds up nothing here, but keeps PostgreSQL from cleaning up. */
async function oldestTransactionSeconds(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { seconds: number }[] }>(selectOldest);
  return rows[0]?.seconds ?? 0;
}
