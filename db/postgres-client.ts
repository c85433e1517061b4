import KnexPostgresClient from 'knex/lib/dialects/postgres/index.js';
import type { Client } from 'pg';
import { markAsDatabaseError, sqlStateOf } from './database-failures.ts';
import { prepareSession } from './session.ts';

/** A failure of the server itself that reading a table does not show. */
interface ServerTrouble {
  readonly error: Error;
  readonly at: number;
  readonly sql: string;
}

/** By Knex's configuration, which the client of a transaction shares with the one that it was made from. */
const troubles = new WeakMap<object, ServerTrouble>();

/** 25006 read-only, 53 without resources such as disk space, 58 system error, XX internal error. */
const SERVER_TROUBLE = /^(25006|53|58|XX)/;
/** The server does not take writes: a demoted primary, or a replica that a name now leads away from. */
const READ_ONLY = '25006';

/** For how long a failure says something about now. */
const RECENT_MS = 5_000;

/** The last statement's failure of the server, until the same statement succeeds or some seconds have passed. */
export function recentTroubleOf(config: object): Error | undefined {
  const trouble = troubles.get(config);
  return trouble && performance.now() - trouble.at < RECENT_MS ? trouble.error : undefined;
}

type Disposable = Client & { __knex__disposed?: unknown };

/**
 * Knex's client for PostgreSQL with three additions: each connection gets our session settings, errors are marked as
 * the database's, and a connection whose server refuses writes is not used again, so that the next one reaches the
 * server that is the primary now.
 */
export class PostgresClient extends KnexPostgresClient {
  override async acquireRawConnection(): Promise<Client> {
    const connection = await super.acquireRawConnection();
    try {
      await prepareSession(connection);
    } catch (error) {
      await connection.end();
      throw error;
    }
    return connection;
  }

  override async acquireConnection(): Promise<Client> {
    try {
      return await super.acquireConnection();
    } catch (error) {
      markAsDatabaseError(error);
      throw error;
    }
  }

  override async _query(connection: Disposable, query: { readonly sql: string }): Promise<unknown> {
    const { sql } = query;
    try {
      const answer = await super._query(connection, query);
      if (troubles.get(this.config)?.sql === sql) troubles.delete(this.config);
      return answer;
    } catch (error) {
      markAsDatabaseError(error);
      const state = sqlStateOf(error) ?? '';
      if (error instanceof Error && SERVER_TROUBLE.test(state))
        troubles.set(this.config, { error, at: performance.now(), sql });
      if (state === READ_ONLY) connection.__knex__disposed = error;
      throw error;
    }
  }
}
