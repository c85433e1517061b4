import { randomBytes } from 'node:crypto';
import type { Knex } from '../../db/connection.ts';
import { grantRights, ROLES } from '../../db/roles.ts';

type Process = keyof typeof ROLES;

/** Users of a test database, one per process. */
export interface TestRoles {
  readonly names: Readonly<Record<Process, string>>;
  /** The database's address with a process's user in it. */
  urlFor(process: Process): string;
  /** To be called when nothing in the database belongs to them any more. */
  drop(): Promise<void>;
}

/** Users belong to the whole server, so each database of a test gets users of its own. */
export async function createTestRoles({ db, url }: { db: Knex; url: string }): Promise<TestRoles> {
  const suffix = randomBytes(4).toString('hex');
  const names = Object.fromEntries(
    Object.entries(ROLES).map(([process, name]) => [process, `${name}_${suffix}`]),
  ) as Record<Process, string>;
  for (const name of Object.values(names)) await db.raw(`create role ?? login password '${suffix}'`, [name]);
  await grantRights({ write: db, read: db }, names);
  return {
    names,
    urlFor: (process) => {
      const address = new URL(url);
      address.username = names[process];
      address.password = suffix;
      return address.href;
    },
    drop: async () => {
      for (const name of Object.values(names)) {
        await db.raw('drop owned by ??', [name]);
        await db.raw('drop role ??', [name]);
      }
    },
  };
}
