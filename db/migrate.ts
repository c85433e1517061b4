import type { Knex } from './connection.ts';
import * as writeSide from './migrations/0001-write-side.ts';
import * as outbox from './migrations/0002-outbox.ts';
import * as readSide from './migrations/0003-read-side.ts';
import * as shipping from './migrations/0004-shipping.ts';
import * as shippingViews from './migrations/0005-shipping-views.ts';
import * as sagaOperations from './migrations/0006-saga-operations.ts';
import * as sagaViews from './migrations/0007-saga-views.ts';
import * as undoFence from './migrations/0008-undo-fence.ts';
import * as commandAudit from './migrations/0012-command-audit.ts';
import * as auditPages from './migrations/0013-audit-pages.ts';
import * as keysPerPrincipal from './migrations/0017-keys-per-principal.ts';
import * as waiverRequests from './migrations/0014-waiver-requests.ts';
import * as orderConstraints from './migrations/0015-order-constraints.ts';
import * as projections from './migrations/0018-projections.ts';
import * as parkedEvents from './migrations/0019-parked-events.ts';
import * as projectionGenerations from './migrations/0020-projection-generations.ts';
import * as undoReason from './migrations/0021-undo-reason.ts';
import * as outsideBooks from './migrations/0022-outside-books.ts';
import * as openOrders from './migrations/0023-open-orders.ts';
import * as sagaHealth from './migrations/0026-saga-health.ts';
import * as waiverViews from './migrations/0016-waiver-views.ts';
import * as upgradeOutbox from './migrations/upgrade-outbox.ts';

interface Migration {
  up(db: Knex): Promise<void>;
  down(db: Knex): Promise<void>;
}

type Migrations = Readonly<Record<string, Migration>>;

/** Named here, not found by listing a folder, so that names are the same from sources and from `dist/`. */
const writeMigrations: Migrations = {
  '0001-write-side': writeSide,
  '0002-outbox': outbox,
  '0004-shipping': shipping,
  '0006-saga-operations': sagaOperations,
  '0008-undo-fence': undoFence,
  '0009-outbox-parking': upgradeOutbox,
  '0010-outbox-partitions': upgradeOutbox,
  '0011-outbox-session': upgradeOutbox,
  '0012-command-audit': commandAudit,
  '0013-audit-pages': auditPages,
  '0014-waiver-requests': waiverRequests,
  '0015-order-constraints': orderConstraints,
  '0017-keys-per-principal': keysPerPrincipal,
  '0021-undo-reason': undoReason,
  '0022-outside-books': outsideBooks,
  '0023-open-orders': openOrders,
  '0024-outbox-ahead': upgradeOutbox,
  '0025-outbox-settings': upgradeOutbox,
};
const readMigrations: Migrations = {
  '0003-read-side': readSide,
  '0005-shipping-views': shippingViews,
  '0007-saga-views': sagaViews,
  '0016-waiver-views': waiverViews,
  '0018-projections': projections,
  '0019-parked-events': parkedEvents,
  '0020-projection-generations': projectionGenerations,
  '0026-saga-health': sagaHealth,
};

/**
 * Brings both sides up to date; several callers at once wait for each other.
 * @param databases one and the same, or the read tables in a database of their own. @returns what was applied.
 */
export async function migrate(databases: { readonly write: Knex; readonly read: Knex }): Promise<string[]> {
  return [
    ...(await migrateOne(databases.write, writeMigrations, 'migrations_write')),
    ...(await migrateOne(databases.read, readMigrations, 'migrations_read')),
  ];
}

async function migrateOne(db: Knex, migrations: Migrations, tableName: string): Promise<string[]> {
  const migrationSource: Knex.MigrationSource<string> = {
    getMigrations: () => Promise.resolve(Object.keys(migrations)),
    getMigrationName: (name) => name,
    getMigration: (name) => {
      const migration = migrations[name];
      return migration ? Promise.resolve(migration) : Promise.reject(new Error(`no migration ${name}`));
    },
  };
  const schemaName = await schemaOf(db, tableName);
  const options = { migrationSource, tableName, ...(schemaName === undefined ? {} : { schemaName }) };
  const [, applied] = (await db.migrate.latest(options)) as [number, string[]];
  return applied;
}

/** Earlier releases kept the table wherever the search path of their session led. */
async function schemaOf(db: Knex, tableName: string): Promise<string | undefined> {
  const found = await db('pg_catalog.pg_tables')
    .where({ tablename: tableName })
    .first<{ schemaname: string } | undefined>('schemaname');
  return found?.schemaname;
}
