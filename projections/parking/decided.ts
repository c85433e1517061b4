import type { Knex } from '../../db/connection.ts';
import type { Outcome } from './apply-incoming.ts';
import { contentOf, keyOf, type Incoming, type ParkedAggregate } from './incoming.ts';

/** An event that waits, of an aggregate about which an operator has decided. */
export interface DecidedIncoming extends Incoming {
  readonly id: string;
  readonly isDiscarded: boolean;
  readonly aggregateVersion: number | null;
}

// The aggregates that an operator has decided about, at most :limit of them, with all that waits; locked, so that
// nobody edits what is being applied.
const selectDecided = `
  select p.id, p.aggregate_type as type, p.aggregate_id as "aggregateId", p.state = 'DISCARD' as "isDiscarded",
    cast(p.aggregate_version as float8) as "aggregateVersion", p.body, p.edited_body as "editedBody"
  from read.parked_events p
  join (
    select distinct aggregate_type, aggregate_id from read.parked_events
    where partition = any(:partitions) and state in ('RETRY', 'DISCARD')
    order by aggregate_type, aggregate_id
    limit :limit
  ) decided using (aggregate_type, aggregate_id)
  where p.state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD')
  order by p.id
  for update of p`;

const isDecided = `
  select exists (
    select from read.parked_events where partition = any(:partitions) and state in ('RETRY', 'DISCARD')
  ) as "isDecided"`;

/** Whether there is anything to carry out. */
export async function isAnyDecided(db: Knex, partitions: readonly number[]): Promise<boolean> {
  const { rows } = await db.raw<{ rows: [{ isDecided: boolean }] }>(isDecided, {
    partitions: partitions,
  });
  return rows[0].isDecided;
}

type Row = Pick<DecidedIncoming, 'id' | 'isDiscarded' | 'aggregateVersion'> & {
  type: ParkedAggregate['type'];
  aggregateId: string;
  body: Buffer;
  editedBody: string | null;
};

/** In the order in which they are to be applied. */
export async function selectDecidedIn(
  trx: Knex.Transaction,
  partitions: readonly number[],
  limit: number,
): Promise<DecidedIncoming[]> {
  const { rows } = await trx.raw<{ rows: Row[] }>(selectDecided, {
    partitions: partitions,
    limit,
  });
  return inOrder(
    rows.map(({ type, aggregateId, body, editedBody, ...row }) => {
      const aggregate = { type, id: aggregateId };
      return { ...row, aggregate, content: contentOf(aggregate, editedBody ?? body) };
    }),
  );
}

/**
 * By version: in a stream made anew, what waits comes again under lower numbers, after what came later. What tells no
 * version stays behind the one it came behind.
 */
function inOrder<T extends Pick<DecidedIncoming, 'aggregate' | 'aggregateVersion'>>(
  arrived: readonly T[],
): T[] {
  const latest = new Map<string, number>();
  return arrived
    .map((row) => {
      const key = keyOf(row.aggregate);
      const version = row.aggregateVersion ?? latest.get(key) ?? 0;
      latest.set(key, version);
      return { row, version };
    })
    .sort((one, other) => one.version - other.version)
    .map(({ row }) => row);
}

const settleApplied = `
  with applied as (select cast(unnest(cast(:ids as text[])) as bigint) as id),
  kept as (
    update read.parked_events p set state = 'APPLIED', settled_at = now()
    from applied where p.id = applied.id and p.edited_body is not null
  )
  delete from read.parked_events p using applied where p.id = applied.id and p.edited_body is null`;

const settleDiscarded = `
  update read.parked_events set state = 'DISCARDED', settled_at = now() where id = any(cast(:ids as bigint[]))`;

const parkAgain = `
  update read.parked_events p
  set state = 'PARKED', cause = r.cause, detail = r.detail, attempts = p.attempts + 1
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (id bigint, cause text, detail text)
  where p.id = r.id`;

const waitBehind = `
  update read.parked_events set state = 'BEHIND' where id = any(cast(:ids as bigint[])) and state <> 'BEHIND'`;

/** Writes what became of them. What was applied as it was received is in the views, and kept no longer. */
export async function settle(
  trx: Knex.Transaction,
  discarded: readonly DecidedIncoming[],
  { applied, failed, behind }: Outcome<DecidedIncoming>,
): Promise<void> {
  const idsOf = (items: readonly DecidedIncoming[]): string[] => items.map(({ id }) => id);
  const update = async (statement: string, ids: string[]): Promise<void> => {
    if (ids.length > 0) await trx.raw(statement, { ids });
  };
  await update(settleDiscarded, idsOf(discarded));
  await update(settleApplied, idsOf(applied.map(({ item }) => item)));
  await update(waitBehind, idsOf(behind));
  const again = failed.map(({ item, failure: { cause, detail } }) => ({ id: item.id, cause, detail }));
  if (again.length > 0) await trx.raw(parkAgain, { rows: JSON.stringify(again) });
}
