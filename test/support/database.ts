import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { connect, type Knex } from '../../db/connection.ts';
import { migrate } from '../../db/migrate.ts';
import { installProjections } from '../../projections/kit/install.ts';
import { projections } from '../../projections/projections.ts';
import { loadConfig } from '../../platform/config.ts';
import { makeHostile } from './hostile-defaults.ts';
import { postgresUrl } from './servers.ts';

export interface TestDatabase {
  readonly db: Knex;
  readonly url: string;
  /** Closes the pool and drops the database. */
  drop(): Promise<void>;
}

/** Whether tests run against databases with `hostileDefaults`, as `hostile-defaults.test.ts` runs some of them. */
const { TEST_HOSTILE_DEFAULTS: isHostile } = loadConfig(
  z.object({ TEST_HOSTILE_DEFAULTS: z.enum(['true', 'false']).default('false') }),
);

let template: Promise<string> | undefined;

/** A migrated database of its own, cloned from a template that is migrated once per run. */
export async function createTestDatabase(): Promise<TestDatabase> {
  template ??= createTemplate();
  return createDatabase('test', await template);
}

/** A database with nothing in it. */
export const createEmptyDatabase = (): Promise<TestDatabase> => createDatabase('empty', 'template1');

/** What a database holds now, as another one; its pool has no open connection afterwards. */
export async function cloneDatabase({ db, url }: TestDatabase): Promise<TestDatabase> {
  const name = new URL(url).pathname.slice(1);
  await db.destroy();
  const copy = await createDatabase('copy', name);
  db.initialize();
  return copy;
}

async function createTemplate(): Promise<string> {
  const { db, url } = await createDatabase('template', 'template1');
  await migrate({ write: db, read: db });
  await installProjections(db, projections);
  await db.destroy();
  return new URL(url).pathname.slice(1);
}

async function createDatabase(kind: string, from: string): Promise<TestDatabase> {
  const name = `${kind}_${randomBytes(6).toString('hex')}`;
  await asAdmin(async (admin) => {
    await admin.raw('create database ?? template ??', [name, from]);
    if (isHostile === 'true') await makeHostile(admin, name);
  });
  const url = new URL(await postgresUrl());
  url.pathname = `/${name}`;
  const db = connect({ url: url.href, poolSize: 20, applicationName: 'test' });
  return {
    db,
    url: url.href,
    drop: async () => {
      await db.destroy();
      await asAdmin((admin) => admin.raw('drop database ?? with (force)', [name]));
    },
  };
}

async function asAdmin<T>(act: (admin: Knex) => Promise<T>): Promise<T> {
  const admin = connect({ url: await postgresUrl(), poolSize: 1, applicationName: 'test-admin' });
  try {
    return await act(admin);
  } finally {
    await admin.destroy();
  }
}
