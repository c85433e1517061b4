import type { Knex } from '../../db/connection.ts';
import { aggregateKey, type Range, type Versions } from './versions.ts';

/** What the outbox holds of each aggregate, by `aggregateKey`; of days that were dropped, nothing. */
export type Outboxed = ReadonlyMap<string, Versions>;

export interface OutboxedRow {
  readonly seq: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
}

// Index outbox_in_order (shard, seq).
const selectPage = `
  select seq, aggregate_type as "aggregateType", aggregate_id as "aggregateId", aggregate_version as "aggregateVersion"
  from messaging.outbox
  where shard = :shard and seq > :after
  order by seq
  limit 10000`;

/** Rows of a shard behind a position, page by page; what commits later with a lower number is not in it. */
export async function* scanOutbox(
  db: Knex,
  shard: number,
  after: string,
): AsyncGenerator<readonly OutboxedRow[]> {
  for (let behind: string | undefined = after; behind !== undefined;) {
    const { rows }: { rows: OutboxedRow[] } = await db.raw<{ rows: OutboxedRow[] }>(selectPage, {
      shard,
      after: behind,
    });
    behind = rows.at(-1)?.seq;
    if (rows.length > 0) yield rows;
  }
}

// No index finds an aggregate in the outbox: this reads all of it, once for all the aggregates that are asked for.
const selectAggregates = `
  with held as (
    select aggregate_type, aggregate_id, aggregate_version as version,
      lag(aggregate_version) over (partition by aggregate_type, aggregate_id order by aggregate_version) as before
    from messaging.outbox
    where aggregate_id = any(:ids)
  )
  select aggregate_type as "aggregateType", aggregate_id as "aggregateId", min(version) as lowest,
    max(version) as highest,
    coalesce(jsonb_agg(jsonb_build_array(before + 1, version - 1) order by version) filter (where version > before + 1), '[]') as gaps
  from held
  group by aggregate_type, aggregate_id`;

/** All that the outbox holds of these aggregates now. */
export async function outboxOf(trx: Knex.Transaction, ids: readonly string[]): Promise<Outboxed> {
  type Row = OutboxedRow & { lowest: number; highest: number; gaps: Range[] };
  const { rows } = await trx.raw<{ rows: Row[] }>(selectAggregates, { ids: [...ids] });
  return new Map(
    rows.map(({ aggregateType, aggregateId, lowest, highest, gaps }) => [
      aggregateKey(aggregateType, aggregateId),
      { lowest, highest, missing: gaps },
    ]),
  );
}

const selectDropped = 'select max(created_before) as "before" from messaging.outbox_dropped';

/** Up to when the outbox has been dropped; undefined while it holds everything. */
export async function droppedBefore(db: Knex): Promise<Date | undefined> {
  const { rows } = await db.raw<{ rows: [{ before: Date | null }] }>(selectDropped);
  return rows[0].before ?? undefined;
}

const countTypes = `
  select event_type as type, cast(count(*) as float8) as n from messaging.outbox group by event_type order by event_type`;

export async function countOutbox(trx: Knex.Transaction): Promise<Record<string, number>> {
  const { rows } = await trx.raw<{ rows: { type: string; n: number }[] }>(countTypes);
  return Object.fromEntries(rows.map(({ type, n }) => [type, n]));
}
