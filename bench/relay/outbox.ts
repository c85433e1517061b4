import pg from 'pg';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { installOutbox } from '../../db/outbox/install.ts';
import type { Stores } from '../stores.ts';
import { content } from './events.ts';

const PER_TRANSACTION = 1_000;
/** How many rows a page of the journal stands for, where history is made up: what a relay under light load leaves. */
const ROWS_PER_PAGE = 10;
const HISTORY_PER_TRANSACTION = 10_000;

const columns = 'aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers';
const values = `$1, gen_random_uuid()::text, 1, $2, $3::jsonb, $4::jsonb`;
const [payload, headers] = [JSON.stringify(content.payload), JSON.stringify(content.headers)];
const bindings = [content.aggregateType, content.eventType, payload, headers];

const insertEvents = `
  insert into ${OUTBOX_SCHEMA}.outbox (id, shard, ${columns})
  select gen_random_uuid(), i % $5::int, ${values} from generate_series(1, $6::int) i`;
const insertPeerEvents = `
  insert into outbox_peer (id, ${columns})
  select gen_random_uuid(), ${values} from generate_series(1, $5::int)`;

export const createOutbox = (stores: Stores, name: string, shards: number): Promise<string> =>
  stores.createDatabase(name, (db: Knex) => installOutbox(db, { schema: OUTBOX_SCHEMA, shards }));

const appendToOne = `
  insert into :schema:.outbox (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
  select gen_random_uuid(), 0, :aggregateType, :aggregateId, version, :eventType,
    cast(:payload as jsonb), cast(:headers as jsonb)
  from generate_series(1, :events) version`;

/** Commits so many events of a new aggregate, in one statement that costs its writer as little as can be. */
export async function appendEvents(db: Knex, aggregateId: string, events: number): Promise<void> {
  const { aggregateType, eventType } = content;
  const bindings = { aggregateType, eventType, payload, headers, aggregateId, events };
  await db.raw(appendToOne, { schema: OUTBOX_SCHEMA, ...bindings });
}

/** Commits so many events, spread over the shards, in transactions of many. */
export const fill = (databaseUrl: string, events: number, shards = 1): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    for (let left = events; left > 0; left -= PER_TRANSACTION)
      await client.query(insertEvents, [...bindings, shards, Math.min(left, PER_TRANSACTION)]);
  });

export const fillPeer = (databaseUrl: string, events: number): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query(insertPeerEvents, [...bindings, events]);
  });

// The stream of the journal's pages is the present one, and they lie before all that it will hold.
const insertJournal = `
  insert into ${OUTBOX_SCHEMA}.outbox_journal
    (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
  select 0, 0, pg_current_snapshot(), pg_current_snapshot(), page * $2::int + 1, (page + 1) * $2::int, $2, $3, 0
  from generate_series(0, $1::int / $2::int - 1) page`;
const placeCursor = `
  update ${OUTBOX_SCHEMA}.outbox_cursor set snapshot_from = pg_current_snapshot(), snapshot_to = null, last_seq = null`;

/** Makes so many events that were published long ago, and their journal. @param streamCreated of the present stream */
export const makeHistory = (databaseUrl: string, events: number, streamCreated: string): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    for (let left = events; left > 0; left -= HISTORY_PER_TRANSACTION)
      await client.query(insertEvents, [...bindings, 1, Math.min(left, HISTORY_PER_TRANSACTION)]);
    await client.query(insertJournal, [events, ROWS_PER_PAGE, streamCreated]);
    await client.query(placeCursor);
    await tidy(client);
  });

/** Removes what came after the history, so that the next measurement begins with what this one began with. */
export const backToHistory = (databaseUrl: string, events: number): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query(`delete from ${OUTBOX_SCHEMA}.outbox where seq > $1`, [events]);
    await client.query(`delete from ${OUTBOX_SCHEMA}.outbox_journal where page > $1`, [
      events / ROWS_PER_PAGE,
    ]);
    await tidy(client);
  });

/** As autovacuum leaves them, at a time of our choosing. */
async function tidy(client: pg.Client): Promise<void> {
  for (const table of ['outbox', 'outbox_journal', 'outbox_cursor'])
    await client.query(`vacuum analyze ${OUTBOX_SCHEMA}.${table}`);
}

/** A connection without the limits of time that connections of ours have. */
async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

/** What another session has open: a reader's snapshot, or a transaction that has appended an event. */
export type Held = 'snapshot' | 'writer';

/** Opens a transaction in a session of its own. @returns what ends both */
export async function holdOpen(databaseUrl: string, held: Held): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin isolation level repeatable read');
  if (held === 'snapshot') await client.query('select 1');
  else await client.query(insertEvents, [...bindings, 1, 1]);
  return async () => {
    await client.query('rollback');
    await client.end();
  };
}
