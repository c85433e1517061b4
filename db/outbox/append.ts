import { escapeIdentifier } from 'pg';
import type { OutboxLocation } from './location.ts';
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

// One parameter, so that the text is the same however many events there are. Numbers are taken behind the sort, in
// the order of the array. A payload that is JSON's null arrives as SQL's.
/**
 * What `append` sends, for whoever writes everything in one statement.
 * @param events SQL for a JSON array of events, or for null when there are none
 */
export const appendStatement = ({ schema }: OutboxLocation, events: string): string => `
  insert into ${escapeIdentifier(schema)}.outbox
    (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
  select id, shard, "aggregateType", "aggregateId", "aggregateVersion", "eventType",
    coalesce(cast(payload as jsonb), 'null'), headers
  from rows from (
    json_to_recordset(${events}) as (
      id uuid, shard smallint, "aggregateType" text, "aggregateId" text, "aggregateVersion" integer,
      "eventType" text, payload json, headers jsonb
    )
  ) with ordinality as event
    (id, shard, "aggregateType", "aggregateId", "aggregateVersion", "eventType", payload, headers, position)
  order by position`;

/**
 * Adds events to the outbox, in this order, as part of the caller's transaction.
 * Call it while the aggregate's row is locked: the numbers taken here are the order of publishing, and only the
 * lock makes them follow the aggregate's versions.
 */
export async function append(
  trx: OutboxTransaction,
  events: readonly OutboxEvent[],
  location: OutboxLocation,
): Promise<void> {
  if (events.length === 0) return;
  await run(trx, appendStatement(location, 'cast($1 as json)'), [JSON.stringify(events)]);
}
