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
    // Knex would print, past our logger, each connection error that it also throws to whoever asked.
    log: { warn: () => undefined },
  });
}

/** Readiness: rejects while the database does not answer. */
export async function pingDatabase(db: Knex): Promise<void> {
  await db.raw('select 1');
}

/**
 * Node's error codes, and PostgreSQL's classes: 08 connection, 53 resources, 57P shutdown; and 57014, a statement that
 * took longer than it may.
 */
const OUT_OF_REACH = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE|08...|53...|57P0.|57014)$/;
/**
 * What node-postgres and knex say, without a code, when a connection breaks or none comes free; knex says the
 * statement before it.
 */
const OUT_OF_REACH_TEXT =
  /(^| - )(Connection terminated|Client has encountered a connection error|timeout expired|Knex: Timeout acquiring a connection)/;

/** PostgreSQL's classes: 21 cardinality, 22 data exception, 23 constraint, 54 limit of a row or an index. */
const REFUSED_DATA = /^(21|22|23|54)...$/;

/** Whether the database refuses what it was given: the same rows would be refused again, others may not be. */
export const isRefusedData = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && REFUSED_DATA.test(String(error.code));

/** Whether an error means that the database cannot be reached now; the same call may succeed later. */
export function isDatabaseOutOfReach(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseOutOfReach);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return OUT_OF_REACH.test(code) || OUT_OF_REACH_TEXT.test(error.message);
}
