import type { Knex } from '../../db/connection.ts';

/**
 * Defaults of a database under which the system would fail or lie if a session inherited them. Each setting of
 * `db/session.ts` has one, except what a client sends itself before.
 */
export const hostileDefaults: Readonly<Record<string, string>> = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  // Midnight does not exist there on the day when summer time begins.
  TimeZone: 'America/Santiago',
  timezone_abbreviations: 'India',
  extra_float_digits: '-10',
  bytea_output: 'escape',
  xmloption: 'document',
  xmlbinary: 'hex',
  lc_numeric: 'POSIX',
  lc_time: 'POSIX',
  quote_all_identifiers: 'on',
  search_path: 'nowhere',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  escape_string_warning: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  row_security: 'off',
  default_text_search_config: 'pg_catalog.german',
  gin_fuzzy_search_limit: '1',
  check_function_bodies: 'off',
  restrict_nonsystem_relation_kind: 'view',
  'plpgsql.extra_errors': 'all',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  statement_timeout: '20ms',
  idle_in_transaction_session_timeout: '20ms',
  lock_timeout: '1ms',
  transaction_timeout: '1s',
  idle_session_timeout: '1s',
  exit_on_error: 'on',
  client_min_messages: 'error',
  synchronous_commit: 'off',
};

/** Makes them the defaults of new sessions. Settings that this release of PostgreSQL does not have are passed over. */
export async function makeHostile(admin: Knex, database: string): Promise<void> {
  const { rows } = await admin.raw<{ rows: { statement: string }[] }>(
    `select format('alter database %I set %s to %L', cast(:database as text), name, value) as statement
    from json_each_text(cast(:defaults as json)) as d (name, value)
    where current_setting(name, true) is not null or name like 'plpgsql.%'`,
    { database, defaults: JSON.stringify(hostileDefaults) },
  );
  for (const { statement } of rows) await admin.raw(statement);
}
