import type { Knex } from '../../db/connection.ts';
import { createRelay, type RelayOptions } from '../../db/outbox/relay.ts';
import type { Publisher, RelayObserver } from '../../db/outbox/ports.ts';
import { isCaughtUp } from './caught-up.ts';
import { eventually } from './eventually.ts';
import { MemoryStream } from './memory-stream.ts';

export interface ReadEvent {
  readonly id: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
}

/** A way to read an outbox while it is written to. */
interface OutboxReader {
  readonly read: readonly ReadEvent[];
  /** Reads what can be read now. */
  poll(): Promise<void>;
  stop(): Promise<void>;
}
export type MakeReader = (db: Knex, schema: string) => OutboxReader;

export const silentObserver: RelayObserver = {
  claimed: () => undefined,
  published: () => undefined,
  caughtUp: () => undefined,
  rewound: () => undefined,
  streamAhead: () => undefined,
  parked: () => undefined,
  failed: (_shard, error) => {
    throw error;
  },
};

/** A relay of shard 0 with pages so small that windows take several, which looks again at once. */
export const testRelay = (
  db: Knex,
  schema: string,
  publisher: Publisher,
  changes: Partial<RelayOptions> = {},
): ReturnType<typeof createRelay> =>
  createRelay({
    db,
    schema,
    shard: 0,
    owner: 'test',
    publisher,
    wakeUp: () => new Promise((resolve) => setTimeout(resolve, 1)),
    observer: silentObserver,
    pageSize: 4,
    ...changes,
  });

/** The relay itself, with pages so small that windows take several. */
export const relayReader = (db: Knex, schema: string, stream = new MemoryStream()): OutboxReader => {
  const stopping = new AbortController();
  const relay = testRelay(db, schema, stream);
  const running = relay.run(stopping.signal);
  return {
    read: stream.published,
    poll: async () => {
      await eventually(async () => (await isCaughtUp(db, schema)) || undefined, {
        what: 'the relay has caught up',
      });
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

const columns = { seq: 'seq', id: 'id', aggregateId: 'aggregate_id', aggregateVersion: 'aggregate_version' };

/** Wrong: numbers become visible out of order, so what commits late is passed over. */
export const seqReader: MakeReader = (db, schema) => {
  const read: ReadEvent[] = [];
  let cursor = '0';
  return {
    read,
    poll: async () => {
      const rows: (ReadEvent & { seq: string })[] = await db
        .withSchema(schema)
        .table('outbox')
        .where('seq', '>', cursor)
        .orderBy('seq')
        .select(columns);
      read.push(...rows);
      cursor = rows.at(-1)?.seq ?? cursor;
    },
    stop: () => Promise.resolve(),
  };
};

/** Wrong: a transaction id is older than the lock its transaction waited for, so one aggregate's order is lost. */
export const xminReader: MakeReader = (db, schema) => {
  const read: ReadEvent[] = [];
  let from = '3';
  const window = `
    with upto as (select pg_snapshot_xmin(pg_current_snapshot()) as xmin)
    select upto.xmin::text as "to", o.id, o.aggregate_id as "aggregateId", o.aggregate_version as "aggregateVersion"
    from upto left join :schema:.outbox o on o.xid >= cast(:from as xid8) and o.xid < upto.xmin
    order by o.seq`;
  return {
    read,
    poll: async () => {
      const { rows } = await db.raw<{ rows: (ReadEvent & { to: string; id: string | null })[] }>(window, {
        schema,
        from,
      });
      read.push(...rows.filter(({ id }) => (id as string | null) !== null));
      from = rows[0]?.to ?? from;
    },
    stop: () => Promise.resolve(),
  };
};
