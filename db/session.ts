import type { ClientBase } from 'pg';

/** Ends a statement that takes longer, in ms. */
export const STATEMENT_TIMEOUT_MS = 10_000;
/** Ends a session whose transaction waits longer for its next statement, in ms. */
export const IDLE_IN_TRANSACTION_MS = 30_000;

/**
 * The session settings that our statements, results and promises rely on. Without them, a default of the server, the
 * database or the role would decide. Left to the server: what only costs time (planner, memory, parallel workers),
 * where tables are stored, and `default_transaction_read_only`, because after a failover it may be the only thing that
 * keeps a process from writing to the wrong server.
 */
const settings = {
  // How values are written as text, in both directions.
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  timezone_abbreviations: 'Default',
  client_encoding: 'UTF8',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmloption: 'content',
  xmlbinary: 'base64',
  lc_numeric: 'C',
  lc_time: 'C',
  quote_all_identifiers: 'off',
  // What statements mean.
  search_path: '"$user", public',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  escape_string_warning: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  row_security: 'on',
  default_text_search_config: 'pg_catalog.simple',
  gin_fuzzy_search_limit: '0',
  check_function_bodies: 'on',
  restrict_nonsystem_relation_kind: '',
  'plpgsql.extra_errors': 'none',
  // Transactions.
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // Time limits: ours, and none of others.
  statement_timeout: String(STATEMENT_TIMEOUT_MS),
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
  // A statement that fails must not end the session.
  exit_on_error: 'off',
  client_min_messages: 'notice',
} as const;

/** The names of the settings that each session gets. */
export const sessionSettings: Readonly<Record<string, string>> = settings;

/** Set on each of our sessions, so that a pooler that mixes sessions up is noticed. */
export const SESSION_MARK = 'durable_orders.session';

/**
 * One statement, so one round trip per connection. Settings that this release of PostgreSQL does not have are passed
 * over. A commit must have reached the disk before anybody is told (`synchronous_commit`); an installation that also
 * waits until its replicas have applied it is left alone.
 */
const setSession = `
  select pg_catalog.set_config(name, value, false)
  from (values
    ${Object.entries(settings)
      .map(([name, value]) => `('${name}', '${value}')`)
      .join(', ')}
  ) as wanted (name, value)
  where pg_catalog.current_setting(name, true) is not null
  union all
  select pg_catalog.set_config('synchronous_commit',
    case pg_catalog.current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false)
  union all
  select pg_catalog.set_config('${SESSION_MARK}', '1', false)`;

/** Gives a new connection our session settings, whatever its server, database and role have for defaults. */
export async function prepareSession(client: ClientBase): Promise<void> {
  await client.query(setSession);
}
