import type { Knex } from './connection.ts';

/** A statement that is a constant, with its values. */
export interface Statement {
  readonly sql: string;
  readonly bindings: Readonly<Record<string, Knex.RawBinding>>;
}

interface ReadOptions {
  /** Stops the statement, also while the server still works on the first row. */
  readonly signal: AbortSignal;
  /** How long one step, and a pause between two, may take, in ms. Absent: as long as on any connection. */
  readonly stepMs?: number | undefined;
}

export const PAGE_ROWS = 1_000;
const nextPage = `fetch forward ${PAGE_ROWS} from answer`;

/**
 * The rows of a statement, page by page as they are asked for: however many there are, a page is in memory. All are of
 * one snapshot. The connection is held until the last page was read, or the reader has stopped.
 */
export async function* readPages<T>(
  db: Knex,
  { sql, bindings }: Statement,
  { signal, stepMs }: ReadOptions,
): AsyncGenerator<readonly T[], void, undefined> {
  signal.throwIfAborted();
  const declared = `declare answer no scroll cursor for ${sql}`;
  const trx = await db.transaction(undefined, { isolationLevel: 'repeatable read', readOnly: true });
  let cancelled: Promise<unknown> = Promise.resolve();
  let cancel: (() => void) | undefined;
  try {
    const backend = await one<{ pid: number }>(trx, 'select pg_backend_pid() as pid');
    cancel = () => {
      // Over another connection, because this one waits for its answer. A failure is seen where it is awaited.
      cancelled = Promise.resolve(db.raw('select pg_cancel_backend(:pid)', { pid: backend.pid }));
      cancelled.catch(() => undefined);
    };
    signal.addEventListener('abort', cancel);
    signal.throwIfAborted();
    if (stepMs !== undefined) await trx.raw(limitSteps, { limit: `${stepMs}ms` });
    await trx.raw(declared, bindings);
    for (;;) {
      const { rows } = await trx.raw<{ rows: T[] }>(nextPage);
      signal.throwIfAborted();
      const isLast = rows.length < PAGE_ROWS;
      if (isLast) await trx.commit();
      if (rows.length > 0) yield rows;
      if (isLast) return;
    }
  } finally {
    if (cancel) signal.removeEventListener('abort', cancel);
    // Before the connection is given back: whoever gets it next must not be cancelled.
    await Promise.allSettled([cancelled]);
    if (!trx.isCompleted()) await trx.rollback();
  }
}

const limitSteps = `
  select set_config('statement_timeout', :limit, true), set_config('idle_in_transaction_session_timeout', :limit, true),
    set_config('cursor_tuple_fraction', '1', true)`;

async function one<T>(trx: Knex.Transaction, sql: string): Promise<T> {
  const { rows } = await trx.raw<{ rows: [T] }>(sql);
  return rows[0];
}
