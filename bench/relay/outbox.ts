import pg from 'pg';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { installOutbox } from '../../db/outbox/install.ts';
import { prepareSession } from '../../db/session.ts';
import type { Stores } from '../stores.ts';
import { content } from './events.ts';

/** How many rows a page of the journal stands for, where history is made up: what a relay under light load leaves. */
const ROWS_PER_PAGE = 10;

const [payload, headers] = [JSON.stringify(content.payload), JSON.stringify(content.headers)];
const bindings = [content.aggregateType, content.eventType, payload, headers];
const columns = 'aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers';

// Ten events per transaction: how many transaction ids there are is what PostgreSQL chooses its plans by.
const createAppend = `
  create procedure append_events(kind text, event text, payload jsonb, headers jsonb, shards int, events int)
  language plpgsql as $$
  begin
    set synchronous_commit = off;
    for done in 0 .. events - 1 by 10 loop
      insert into ${OUTBOX_SCHEMA}.outbox (id, shard, ${columns})
      select gen_random_uuid(), i % shards, kind, gen_random_uuid()::text, 1, event, payload, headers
      from generate_series(done, least(done + 10, events) - 1) i;
      commit;
    end loop;
  end $$`;
const callAppend = 'call append_events($1, $2, $3, $4, $5, $6)';
const insertPeerEvents = `
  insert into outbox_peer (id, ${columns})
  select gen_random_uuid(), $1, gen_random_uuid()::text, 1, $2, $3::jsonb, $4::jsonb
  from generate_series(1, $5::int)`;

/** @returns its database's address. */
export const createOutbox = (stores: Stores, name: string, shards: number): Promise<string> =>
  stores.createDatabase(name, async (db: Knex) => {
    await installOutbox(db, { schema: OUTBOX_SCHEMA, shards });
    await db.raw(createAppend);
  });

/** Commits so many events of as many aggregates, spread over the shards. */
export const fill = (databaseUrl: string, events: number, shards = 1): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query(callAppend, [...bindings, shards, events]);
  });

export const fillPeer = (databaseUrl: string, events: number): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query(insertPeerEvents, [...bindings, events]);
  });

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

// The stream of the journal's pages is the present one, and they lie where it holds a message without an id.
const insertJournal = `
  insert into ${OUTBOX_SCHEMA}.outbox_journal
    (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
  select 0, 0, pg_current_snapshot(), pg_current_snapshot(), page * $2::int + 1, (page + 1) * $2::int, $2, $3, 1
  from generate_series(0, $1::int / $2::int - 1) page`;
const placeCursor = `
  update ${OUTBOX_SCHEMA}.outbox_cursor set snapshot_from = pg_current_snapshot(), snapshot_to = null, last_seq = null`;

/** Makes so many events that were published long ago, and their journal. @param streamCreated of the present stream */
export const makeHistory = (databaseUrl: string, events: number, streamCreated: string): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query(callAppend, [...bindings, 1, events]);
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
    await prepareSession(client);
    // Filling and copying take as long as they take.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await use(client);
  } finally {
    await client.end();
  }
}

const insertOne = `
  insert into ${OUTBOX_SCHEMA}.outbox (id, shard, ${columns})
  values (gen_random_uuid(), 0, $1, gen_random_uuid()::text, 1, $2, $3, $4)`;

/** What another session has open: a reader's snapshot, or a transaction that has appended an event. */
export type Held = 'snapshot' | 'writer';

/** Opens a transaction in a session of its own. @returns what ends both */
export async function holdOpen(databaseUrl: string, held: Held): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin isolation level repeatable read');
  if (held === 'snapshot') await client.query('select 1');
  else await client.query(insertOne, bindings);
  return async () => {
    await client.query('rollback');
    await client.end();
  };
}
