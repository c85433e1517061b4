import type { NatsConnection } from 'nats';
import { toMessage } from '../../activities/outbox-relay/stream-publisher.ts';
import type { Knex } from '../../db/connection.ts';
import type { OutboxRow } from '../../db/outbox/rows.ts';
import type { Topology } from '../../domain/topology.ts';
import { publishInOrder } from '../../messaging/publish.ts';

/** What most outboxes are: a column says which rows were sent, and a partial index finds those that were not. */
export const createPeerTable = (db: Knex): Promise<unknown> =>
  db.raw(`
    create table outbox_peer (
      seq bigint generated always as identity primary key,
      id uuid not null,
      aggregate_type text not null,
      aggregate_id text not null,
      aggregate_version integer not null,
      event_type text not null,
      payload jsonb not null,
      headers jsonb not null,
      created_at timestamptz not null default now(),
      sent_at timestamptz
    );
    create index outbox_peer_unsent on outbox_peer (seq) where sent_at is null;
  `);

const BATCH = 100;

const selectUnsent = `
  select seq, id, 0 as shard, aggregate_type as "aggregateType", aggregate_id as "aggregateId",
    aggregate_version as "aggregateVersion", event_type as "eventType", payload::text, headers
  from outbox_peer
  where sent_at is null
  order by seq
  limit ${BATCH}
  for update skip locked`;

/** Publishes one row at a time, each awaited, and marks each. @returns seconds until nothing is unsent. */
export async function publishUnsent(
  db: Knex,
  connection: NatsConnection,
  topology: Topology,
): Promise<number> {
  const begun = performance.now();
  while (await db.transaction((trx) => publishBatch(trx, connection, topology)));
  return (performance.now() - begun) / 1_000;
}

/** @returns whether there was something to publish. */
async function publishBatch(
  trx: Knex.Transaction,
  connection: NatsConnection,
  topology: Topology,
): Promise<boolean> {
  const { rows } = await trx.raw<{ rows: OutboxRow[] }>(selectUnsent);
  for (const row of rows) {
    await publishInOrder(connection, [toMessage(row, topology)]);
    await trx.raw('update outbox_peer set sent_at = now() where seq = ?', [row.seq]);
  }
  return rows.length > 0;
}
