import type { Knex } from '../../db/connection.ts';
import { migrate } from '../../db/migrate.ts';
import { installProjections } from '../../projections/kit/install.ts';
import { tablesOf } from '../../projections/kit/projection.ts';
import { columnOf } from '../../projections/kit/table.ts';
import { projections } from '../../projections/projections.ts';
import type { Stores } from '../stores.ts';

/** A read table; PostgreSQL itself computes the columns that are not named. */
export interface ReadTable {
  readonly name: string;
  readonly columns: readonly string[];
}

export const readTables: readonly ReadTable[] = projections
  .flatMap(tablesOf)
  .map(({ name, columns }) => ({ name, columns: Object.keys(columns).map(columnOf) }));

export const createReadDatabase = (stores: Stores, name: string): Promise<string> =>
  stores.createDatabase(name, async (db) => {
    await migrate({ write: db, read: db });
    await installProjections(db, projections);
  });

/** As before the first event. Nobody may project into it meanwhile. */
export async function emptyReadTables(db: Knex): Promise<void> {
  for (const { name } of readTables) await db.raw('truncate ??.??', ['read', name]);
  await db('read.checkpoints').update({
    stream_created: null,
    stream_sequence: 0,
    owner: null,
    lease_until: null,
  });
  await db('read.projectors').delete();
  // Or what an earlier round has left to be written would be written in the next one.
  await db.raw('checkpoint');
}
