import type { Knex } from './connection.ts';
import * as writeSide from './migrations/0001-write-side.ts';
import * as outbox from './migrations/0002-outbox.ts';
import * as readSide from './migrations/0003-read-side.ts';

interface Migration {
  up(db: Knex): Promise<void>;
  down(db: Knex): Promise<void>;
}

/** Named here, not found by listing a folder, so that names are the same from sources and from `dist/`. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001-write-side': writeSide,
  '0002-outbox': outbox,
  '0003-read-side': readSide,
};

const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: () => Promise.resolve(Object.keys(migrations)),
  getMigrationName: (name) => name,
  getMigration: (name) => {
    const migration = migrations[name];
    return migration ? Promise.resolve(migration) : Promise.reject(new Error(`no migration ${name}`));
  },
};

/** Brings the schema up to date; several callers at once wait for each other. @returns what was applied. */
export async function migrate(db: Knex): Promise<string[]> {
  const [, applied] = (await db.migrate.latest({ migrationSource })) as [number, string[]];
  return applied;
}
