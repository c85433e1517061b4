import type { Knex } from '../../db/connection.ts';

/** The time up to which all that was committed is in the read tables; undefined while nobody knows. */
export async function currentAsOf(db: Knex): Promise<Date | undefined> {
  const row = await db<{ projector: string; current_as_of: Date | null }>('read.checkpoints')
    .where({ projector: 'main' })
    .first('current_as_of');
  return row?.current_as_of ?? undefined;
}
