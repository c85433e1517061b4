import { escapeIdentifier } from 'pg';
import type { OutboxLocation } from './install.ts';
import { run, type OutboxTransaction } from './statement.ts';

/** An event as the outbox keeps it. */
export interface OutboxEvent {
  /** UUID; consumers and the stream recognise repeats by it. */
  readonly id: string;
  /** Which relay publishes it: the same for all events of one aggregate. */
  readonly shard: number;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** 1, 2, 3… without gaps, per aggregate. */
  readonly aggregateVersion: number;
  readonly eventType: string;
  /** Any JSON value. */
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

// A column per parameter, so that the text is the same however many events there are. The numbers are taken
// behind the sort, in the order of the array.
const insertInOrder = (schema: string): string => `
  insert into ${escapeIdentifier(schema)}.outbox
    (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
  select id, shard, aggregate_type, aggregate_id, aggregate_version, event_type,
    cast(payload as jsonb), cast(headers as jsonb)
  from unnest(
    cast($1 as uuid[]), cast($2 as smallint[]), cast($3 as text[]), cast($4 as text[]), cast($5 as integer[]),
    cast($6 as text[]), cast($7 as text[]), cast($8 as text[])
  ) with ordinality as event
    (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers, position)
  order by position`;

/**
 * Adds events to the outbox, in this order, as part of the caller's transaction.
 * Call it while the aggregate's row is locked: the numbers taken here are the order of publishing, and only the
 * lock makes them follow the aggregate's versions.
 */
export async function append(
  trx: OutboxTransaction,
  events: readonly OutboxEvent[],
  { schema }: OutboxLocation,
): Promise<void> {
  if (events.length === 0) return;
  await run(trx, insertInOrder(schema), [
    events.map(({ id }) => id),
    events.map(({ shard }) => shard),
    events.map(({ aggregateType }) => aggregateType),
    events.map(({ aggregateId }) => aggregateId),
    events.map(({ aggregateVersion }) => aggregateVersion),
    events.map(({ eventType }) => eventType),
    events.map(({ payload }) => JSON.stringify(payload)),
    events.map(({ headers }) => JSON.stringify(headers)),
  ]);
}
