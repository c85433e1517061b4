import type { DomainEvent } from '../domain/events.ts';
import { shardOf } from '../domain/topology.ts';
import type { Knex } from './connection.ts';
import { OUTBOX_SCHEMA } from './migrations/0002-outbox.ts';
import { append, appendStatement, type OutboxEvent } from './outbox/append.ts';

const LOCATION = { schema: OUTBOX_SCHEMA };

/**
 * Puts events into the outbox of the caller's transaction. Call it after the aggregate's row is locked or
 * written, because the order in which numbers are taken is the order in which the relay publishes.
 */
export async function appendEvents(trx: Knex.Transaction, events: readonly DomainEvent[]): Promise<void> {
  await append(trx, events.map(toOutboxEvent), LOCATION);
}

/** The same as part of another statement. @param events SQL for a JSON array of what `toOutboxEvent` makes */
export const appendEventsStatement = (events: string): string => appendStatement(LOCATION, events);

export const toOutboxEvent = (event: DomainEvent): OutboxEvent => ({
  id: event.id,
  shard: shardOf(event.aggregateId),
  aggregateType: event.aggregateType,
  aggregateId: event.aggregateId,
  aggregateVersion: event.aggregateVersion,
  eventType: event.type,
  payload: event,
  headers: { traceparent: event.traceparent },
});

/** Wakes the relays of these events' shards; best effort, called after the commit. */
export type Nudge = (shards: readonly number[]) => void;

export const shardsOf = (events: readonly DomainEvent[]): number[] => [
  ...new Set(events.map((event) => shardOf(event.aggregateId))),
];
