import type { Knex } from '../connection.ts';

/**
 * Messages of the stream that the projections could not take, and those of the same order (or product) that wait
 * behind them. What was applied after all is removed, but for what an operator has edited; that and what was discarded
 * stays, because the stream still says otherwise.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create table read.parked_events (
      id bigint generated always as identity primary key,
      partition smallint not null,
      -- As the message's subject names it: an order, a product with its stock, or a message that names none of them.
      aggregate_type text not null check (aggregate_type in ('order', 'product', 'message')),
      aggregate_id text not null,
      stream_created text not null,
      stream_sequence bigint not null,
      subject text not null,
      -- As far as the message tells.
      event_id text,
      event_type text,
      schema_version bigint,
      aggregate_version bigint,
      -- As received: it may be no text at all.
      body bytea not null,
      -- PARKED waits for an operator, BEHIND for an earlier one; RETRY and DISCARD are decided, and the projector will
      -- carry it out; APPLIED and DISCARDED are done.
      state text not null
        check (state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD', 'APPLIED', 'DISCARDED')),
      cause text,
      detail text,
      attempts integer not null,
      parked_at timestamptz not null default now(),
      edited_body text,
      edited_by text,
      edited_reason text,
      edited_at timestamptz,
      decided_by text,
      decided_reason text,
      decided_at timestamptz,
      settled_at timestamptz,
      check (state <> 'PARKED' or cause is not null),
      unique (stream_created, stream_sequence)
    );
    -- A message may come again under another number: from a relay that was set back, or in a stream made anew.
    create unique index parked_events_event on read.parked_events (aggregate_type, aggregate_id, event_id);
    -- What an order waits with.
    create index parked_events_open on read.parked_events (aggregate_type, aggregate_id)
      where state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD');
    -- The operators' list, by cause.
    create index parked_events_cause on read.parked_events (cause, id) where state = 'PARKED';
    -- What projectors have to carry out.
    create index parked_events_decided on read.parked_events (partition) where state in ('RETRY', 'DISCARD');
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table read.parked_events');
}
