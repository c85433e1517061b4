/** One row per shard whose messages in the stream the database does not know: its relay publishes nothing. */
export const createAhead = `
  create table :schema:.outbox_ahead (
    shard smallint primary key,
    since timestamptz not null default now(),
    -- The first such message.
    stream_created text not null,
    stream_sequence bigint not null,
    event_id text not null
  );
`;
