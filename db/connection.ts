import knex, { type Knex } from 'knex';

export type { Knex };

interface ConnectionOptions {
  /** Absent: node-postgres reads the PG* variables. */
  readonly url?: string | undefined;
  readonly poolSize: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
}

/** A pool of connections; statements end after 10 s and idle transactions after 30 s, whatever the caller does. */
export function connect({ url, poolSize, applicationName }: ConnectionOptions): Knex {
  return knex({
    client: 'pg',
    connection: {
      ...(url === undefined ? {} : { connectionString: url }),
      application_name: applicationName,
      statement_timeout: 10_000,
      idle_in_transaction_session_timeout: 30_000,
      connectionTimeoutMillis: 5_000,
    },
    pool: { min: 0, max: poolSize },
    acquireConnectionTimeout: 10_000,
  });
}

/** Readiness: rejects while the database does not answer. */
export async function pingDatabase(db: Knex): Promise<void> {
  await db.raw('select 1');
}
