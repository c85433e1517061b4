import type { Knex } from '../../db/connection.ts';

/** Of the partition that is furthest behind; one that nobody knows about makes it unknown. */
const oldest = `
  select case when bool_and(current_as_of is not null) then min(current_as_of) end as "asOf" from read.checkpoints`;

/** The time up to which all that was committed is in the read tables; undefined while nobody knows. */
export async function currentAsOf(db: Knex): Promise<Date | undefined> {
  const { rows } = await db.raw<{ rows: [{ asOf: Date | null }] }>(oldest);
  return rows[0].asOf ?? undefined;
}
