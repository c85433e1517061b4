/** Knex's client for PostgreSQL, for which it has no types; dialects extend it. */
declare module 'knex/lib/dialects/postgres/index.js' {
  import type { Knex } from 'knex';
  import type { Client as PostgresConnection } from 'pg';

  export default class PostgresClient extends Knex.Client {
    acquireRawConnection(): Promise<PostgresConnection>;
    acquireConnection(): Promise<PostgresConnection>;
    _query(connection: PostgresConnection, query: { readonly sql: string }): Promise<unknown>;
  }
}
