import type { Knex } from '../../db/connection.ts';
import { aggregateKey } from './versions.ts';

// Rows that wait for an operator, or behind one that does, and those that an operator discarded.
const heldByRelay = `
  select distinct aggregate_type as "aggregateType", aggregate_id as "aggregateId"
  from messaging.outbox_parked
  where state <> 'PUBLISHED'`;

// Events that the projector could not apply, with those behind them; and what an operator has edited or discarded, of
// which the stream still says otherwise.
const heldByProjector = `
  select distinct aggregate_type as "aggregateType", aggregate_id as "aggregateId" from read.parked_events`;

interface Aggregate {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** Aggregates of which an event is parked or was discarded, by `aggregateKey`: that they differ is known already. */
export async function heldBack(db: Knex, readDb: Knex): Promise<ReadonlySet<string>> {
  const relay = await db.raw<{ rows: Aggregate[] }>(heldByRelay);
  const projector = await readDb.raw<{ rows: Aggregate[] }>(heldByProjector);
  return new Set(
    [...relay.rows, ...projector.rows].map((each) => aggregateKey(each.aggregateType, each.aggregateId)),
  );
}
