import { NotReady } from '../platform/readiness.ts';
import { pingDatabase, type Knex } from './connection.ts';
import { recentTroubleOf } from './postgres-client.ts';

/** The tables without which a process cannot do its work. */
const neededTables = {
  commandApi: [
    'orders.products',
    'orders.orders',
    'orders.order_lines',
    'orders.idempotency_keys',
    'orders.audit',
    'messaging.outbox',
  ],
  worker: [
    'orders.orders',
    'inventory.stock',
    'inventory.reservations',
    'messaging.outbox',
    'messaging.outbox_cursor',
  ],
  queryApi: ['read.order_summary', 'read.products', 'read.sales', 'read.customers', 'read.order_search'],
  projector: ['read.order_summary', 'read.products', 'read.sales', 'read.checkpoints', 'read.projectors'],
} as const;

/** PostgreSQL's lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';
/** Below the 2 s after which a readiness check counts as failed, so that no check waits on in a connection. */
const LOCK_LIMIT = "set local lock_timeout = '1500ms'";

type Process = keyof typeof neededTables;

/** May be given a replica. */
const readsOnly: readonly Process[] = ['queryApi'];

/**
 * Readiness: rejects while the database does not answer, takes no writes of a process that writes, has just failed for
 * a reason that reading does not show (such as a full disk), or while a table that the process needs is locked against
 * reading. Reads no rows. The statements go to the server as one request, which it runs as one transaction.
 */
export async function pingTables(db: Knex, process: Process): Promise<void> {
  await pingDatabase(db);
  if (!readsOnly.includes(process)) await requireWritable(db);
  const { client } = db as { client: Knex.Client };
  const trouble = recentTroubleOf(client.config);
  if (trouble !== undefined) throw trouble;
  const tables = neededTables[process];
  try {
    await db.raw([LOCK_LIMIT, ...tables.map(() => 'select from ?? limit 0')].join('; '), [...tables]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE)
      throw new NotReady('a table that is needed is locked');
    throw error;
  }
}

/** On a replica the second setting is on as well. Without triggers a process would write what others never hear of. */
async function requireWritable(db: Knex): Promise<void> {
  const { rows } = await db.raw<{
    rows: { isReplica: boolean; isReadOnly: boolean; isWithoutTriggers: boolean }[];
  }>(
    `select pg_is_in_recovery() as "isReplica", current_setting('transaction_read_only') = 'on' as "isReadOnly",
      current_setting('session_replication_role') <> 'origin' as "isWithoutTriggers"`,
  );
  if (rows[0]?.isReplica) throw new NotReady('takes no writes: it is a replica');
  if (rows[0]?.isReadOnly) throw new NotReady('takes no writes: it is set to read-only');
  if (rows[0]?.isWithoutTriggers)
    throw new NotReady('takes no writes: triggers and foreign keys are off (session_replication_role)');
}
