import type { Knex } from 'knex';
import type { OutboxLocation } from './install.ts';

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

/**
 * Adds events to the outbox, in this order, as part of the caller's transaction.
 * Call it while the aggregate's row is locked: the numbers taken here are the order of publishing, and only the
 * lock makes them follow the aggregate's versions.
 */
export async function append(
  trx: Knex.Transaction,
  events: readonly OutboxEvent[],
  { schema }: OutboxLocation,
): Promise<void> {
  if (events.length === 0) return;
  await trx
    .withSchema(schema)
    .table('outbox')
    .insert(
      events.map((event) => ({
        id: event.id,
        shard: event.shard,
        aggregate_type: event.aggregateType,
        aggregate_id: event.aggregateId,
        aggregate_version: event.aggregateVersion,
        event_type: event.eventType,
        payload: JSON.stringify(event.payload),
        headers: JSON.stringify(event.headers),
      })),
    );
}
