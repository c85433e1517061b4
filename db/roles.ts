import type { Knex } from './connection.ts';

/** The PostgreSQL user that each process logs in as, where every process has one of its own. */
export const ROLES = {
  commandApi: 'orders_command_api',
  queryApi: 'orders_query_api',
  worker: 'orders_worker',
  projector: 'orders_projector',
} as const;

type Process = keyof typeof ROLES;
/** Table → what may be done with it; `schema.*` means every table of that schema. Function → `execute`. */
type Rights = Readonly<Record<string, string>>;

/**
 * What each process does, and nothing else. What is append-only cannot be changed: the outbox, the ledger, an order's
 * lines. Schemas belong to whoever migrates.
 */
const rights: Readonly<Record<Process, Rights>> = {
  commandApi: {
    'orders.products': 'select',
    // Read to find the saga that a cancellation or an operator's decision is for.
    'orders.orders': 'select, insert',
    'orders.order_lines': 'select, insert',
    // A key that has expired is taken over.
    'orders.idempotency_keys': 'select, insert, update (order_id, body_hash, created_at)',
    // Written before a command acts, and read by operators.
    'orders.audit': 'select, insert',
    // Read, and decided about, for operators.
    'messaging.outbox': 'select, insert',
    'messaging.outbox_cursor': 'select',
    'messaging.outbox_parked': 'select, update',
    // The same for what the projections could not take.
    'read.parked_events':
      'select, update (state, decided_by, decided_reason, decided_at, edited_body, edited_by, edited_reason, edited_at)',
  },
  queryApi: { 'read.*': 'select' },
  worker: {
    // The audit compares everything, and changes nothing.
    'read.*': 'select',
    // What the examination of all sagas found.
    'read.ailing_sagas': 'select, insert, update, delete',
    'read.saga_examination': 'select, update',
    'orders.products': 'select',
    'orders.orders': 'select, update',
    'orders.order_lines': 'select',
    'orders.audit': 'insert',
    'orders.idempotency_keys': 'select, delete',
    'inventory.stock': 'select, update',
    'inventory.reservations': 'select, insert, update',
    'payments.payments': 'select, insert, update',
    'payments.ledger': 'select, insert',
    'shipping.bookings': 'select, insert, update',
    'messaging.outbox': 'select, insert',
    'messaging.outbox_cursor': 'select, update',
    'messaging.outbox_journal': 'select, insert, delete',
    'messaging.outbox_parked': 'select, insert, update',
    'messaging.outbox_attempts': 'select, insert, update, delete',
    'messaging.outbox_session': 'select, insert, update',
    'messaging.outbox_ahead': 'select, insert, delete',
    'messaging.outbox_version': 'select',
    'messaging.outbox_dropped': 'select',
    // Partitions belong to the owner of the schema; these act for it, and drop nothing that is not published.
    'messaging.outbox_partitions': 'execute',
    'messaging.outbox_add_partition': 'execute',
    'messaging.outbox_drop_partition': 'execute',
  },
  // Tables of projections are made and swapped by whoever migrates.
  projector: {
    'read.*': 'select, insert, update',
    'read.projectors': 'delete',
    'read.parked_events': 'delete',
  },
};

/**
 * Gives the processes' users exactly these rights; users that the server does not have are passed over, so that a
 * server with one user for everything needs none of them. Call it after each migration, as the owner of the schemas.
 * @param databases one and the same, or the read tables in a database of their own.
 * @returns the users that have their rights now.
 */
export async function grantRights(
  databases: { readonly write: Knex; readonly read: Knex },
  roles: Readonly<Record<Process, string>> = ROLES,
): Promise<string[]> {
  const granted = new Set<string>();
  for (const db of new Set([databases.write, databases.read])) {
    await db.transaction(async (trx) => {
      await lockRights(trx);
      for (const process of Object.keys(rights) as Process[]) {
        const role = roles[process];
        if (!(await exists(trx, 'pg_roles', 'rolname', role))) continue;
        await grantTo(trx, role, rights[process]);
        granted.add(role);
      }
    });
  }
  return [...granted];
}

/**
 * Gives the processes' users their rights on the tables that a schema has now, within the caller's transaction: new
 * tables and the rights to them show together.
 */
export async function grantTables(
  trx: Knex.Transaction,
  schema: string,
  roles: Readonly<Record<Process, string>> = ROLES,
): Promise<void> {
  await lockRights(trx);
  for (const process of Object.keys(rights) as Process[]) {
    const ofSchema = Object.entries(rights[process]).filter(([table]) => table.startsWith(`${schema}.`));
    if (ofSchema.length > 0 && (await exists(trx, 'pg_roles', 'rolname', roles[process])))
      await grant(trx, roles[process], Object.fromEntries(ofSchema));
  }
}

/** Two that change one table's rights at once would get "tuple concurrently updated". */
async function lockRights(trx: Knex.Transaction): Promise<void> {
  await trx.raw("select pg_advisory_xact_lock(hashtext('durable-orders rights'))");
}

/** What an earlier version had granted is taken back first, within the same transaction. */
async function grantTo(trx: Knex.Transaction, role: string, wanted: Rights): Promise<void> {
  for (const schema of schemas) {
    if (await exists(trx, 'pg_namespace', 'nspname', schema)) {
      await trx.raw('revoke all on all tables in schema ?? from ??', [schema, role]);
      await trx.raw('revoke all on all functions in schema ?? from ??', [schema, role]);
    }
  }
  await grant(trx, role, wanted);
}

async function grant(trx: Knex.Transaction, role: string, wanted: Rights): Promise<void> {
  for (const [table, privileges] of Object.entries(wanted)) {
    const [schema = '', name = ''] = table.split('.');
    // The read tables may be in another database than the rest.
    if (!(await exists(trx, 'pg_namespace', 'nspname', schema))) continue;
    await trx.raw('grant usage on schema ?? to ??', [schema, role]);
    // The privileges are the words of the table above; no statement takes those as parameters.
    /* eslint-disable no-restricted-syntax */
    if (name === '*') await trx.raw(`grant ${privileges} on all tables in schema ?? to ??`, [schema, role]);
    else if (privileges === 'execute')
      await trx.raw('grant execute on function ??.?? to ??', [schema, name, role]);
    else await trx.raw(`grant ${privileges} on ??.?? to ??`, [schema, name, role]);
    /* eslint-enable no-restricted-syntax */
  }
}

const schemas = new Set(
  Object.values(rights).flatMap((tables) => Object.keys(tables).map((table) => table.split('.')[0] ?? '')),
);

async function exists(
  trx: Knex.Transaction,
  catalogue: string,
  column: string,
  name: string,
): Promise<boolean> {
  return (
    (await trx(catalogue)
      .where({ [column]: name })
      .first(trx.raw('1'))) !== undefined
  );
}
