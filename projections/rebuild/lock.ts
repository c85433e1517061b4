import type { Knex } from '../../db/connection.ts';

/** Another one has the projection. */
class RebuildRunningError extends Error {
  override readonly name = 'RebuildRunningError';
}

const tryLock = `select pg_try_advisory_xact_lock(hashtext('durable-orders rebuild'), hashtext(:name)) as taken`;

/**
 * Runs while nobody else rebuilds one of these projections or brings one back. The locks are those of a transaction
 * that does nothing else and sees nothing, so it holds nothing up; they end with its connection, however that ends.
 * @throws RebuildRunningError
 */
export async function withRebuildLock<T>(
  db: Knex,
  names: readonly string[],
  act: () => Promise<T>,
): Promise<T> {
  return db.transaction(async (trx) => {
    await trx.raw('set local idle_in_transaction_session_timeout = 0');
    for (const name of names) {
      const { rows } = await trx.raw<{ rows: [{ taken: boolean }] }>(tryLock, { name });
      if (!rows[0].taken)
        throw new RebuildRunningError(
          `${name} is being rebuilt or rolled back by somebody else at this moment; try again when that has ended`,
        );
    }
    return act();
  });
}
