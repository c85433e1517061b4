import type { Knex } from 'knex';
import type { ClientBase } from 'pg';

/** A transaction that the caller has begun and will end: one of Knex, or one on a bare client of node-postgres. */
export type OutboxTransaction = Knex.Transaction | ClientBase;

/**
 * Runs one statement, with parameters $1, $2… of known types, in either kind of transaction, or by Knex in none.
 * @throws Error when a bare client is in none: the statement would stand, whatever became of the caller's writes.
 */
export async function run<Row extends object>(
  trx: Knex | ClientBase,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  if (typeof trx === 'function') {
    const bindings: unknown[] = [];
    const text = sql.replace(quotedOrParameter, (part, position?: string) => {
      if (position === undefined) return part.replaceAll('?', '\\?');
      bindings.push(values[Number(position) - 1]);
      return '?';
    });
    // Bindings may be arrays, which Knex's types do not say.
    const { rows } = await trx.raw<{ rows: Row[] }>(text, bindings as Knex.RawBinding[]);
    return rows;
  }
  // Earlier releases of node-postgres cannot tell.
  if ('getTransactionStatus' in trx && trx.getTransactionStatus() === 'I')
    throw new Error('the outbox is written in the transaction of what happened, and this client is in none');
  const { rows } = await trx.query<Row>(sql, [...values]);
  return rows;
}

// Knex takes each ? for a parameter, also in a name or a text, unless it is escaped.
const quotedOrParameter = /"[^"]*"|'[^']*'|\$(\d+)/g;
