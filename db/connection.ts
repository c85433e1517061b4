import knex, { type Knex } from 'knex';
import { isDatabaseOutOfReach } from './database-failures.ts';
import { PostgresClient } from './postgres-client.ts';
import { IDLE_IN_TRANSACTION_MS, SESSION_MARK, STATEMENT_TIMEOUT_MS } from './session.ts';
import { NotReady } from '../platform/readiness.ts';

export type { Knex };

interface ConnectionOptions {
  /** Absent: node-postgres reads the PG* variables. */
  readonly url?: string | undefined;
  readonly poolSize: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
}

/**
 * A pool of connections, each with the settings of `session.ts`: among them, statements end after 10 s and idle
 * transactions after 30 s, whatever the caller does.
 */
export function connect({ url, poolSize, applicationName }: ConnectionOptions): Knex {
  return knex({
    client: PostgresClient,
    connection: {
      ...(url === undefined ? {} : { connectionString: url }),
      application_name: applicationName,
      // Also here, so that they hold for the statement that sets the rest.
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      connectionTimeoutMillis: 5_000,
    },
    pool: { min: 0, max: poolSize },
    acquireConnectionTimeout: 10_000,
    // Errors name the statement without its values, which may be personal data.
    compileSqlOnError: false,
    // Knex would print, past our logger, each connection error that it also throws to whoever asked.
    log: { warn: () => undefined },
  });
}

/** Readiness: rejects while the database does not answer, or a pooler gives us sessions that are not ours. */
export async function pingDatabase(db: Knex): Promise<void> {
  try {
    const { rows } = await db.raw<{ rows: { mark: string | null }[] }>(
      'select current_setting(?, true) as mark',
      [SESSION_MARK],
    );
    if (rows[0]?.mark !== '1')
      throw new NotReady('loses session settings; use a connection pooler in session mode, or none');
  } catch (error) {
    const isUncoded = error instanceof Error && !('code' in error);
    throw isUncoded && isDatabaseOutOfReach(error)
      ? new NotReady('cannot be reached', { cause: error })
      : error;
  }
}
