/**
 * The epoch under which each shard was claimed since PostgreSQL last crashed, or since a replica became the primary: it
 * empties a table that is not logged. Transaction ids of what was not yet on disk are then given out again.
 */
export const createSession = `
  create unlogged table :schema:.outbox_session (
    shard smallint primary key,
    epoch bigint not null
  );
`;
