import assert from 'node:assert/strict';
import knex, { type Knex } from 'knex';
import { captureTable, importTable, installOutbox } from '../../../db/outbox/index.ts';
import { keepPartitions } from '../../../db/outbox/partitions.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const at = { schema: 'outbox' };
const mapping = {
  table: { schema: 'legacy', name: 'orders' },
  aggregateType: 'order',
  idColumn: 'id',
  events: { insert: 'OrderPlaced' },
  payloadColumns: ['waits', 'seal', 'span', 'weight'],
};
/** IST is India's time to PostgreSQL when it writes, and Israel's when it reads. */
const sessions = {
  delivered: "set datestyle = 'ISO, MDY'; set timezone = 'UTC'",
  foreign: `
    set datestyle = 'SQL, DMY'; set timezone = 'Asia/Kolkata'; set intervalstyle = 'iso_8601';
    set bytea_output = 'escape'; set extra_float_digits = -10`,
} as const;

for (const [name, settings] of Object.entries(sessions))
  describe(`an outbox in an application whose sessions are ${name}`, () => {
    let database: TestDatabase;
    let db: Knex;

    before(async () => {
      database = await createEmptyDatabase();
      // Not a connection of ours: the outbox is given those of the application.
      db = knex({ client: 'pg', connection: database.url, pool: { min: 1, max: 1 } });
      await db.raw(settings);
      await installOutbox(db, { ...at, shards: 1 });
      await db.raw(`
        create schema legacy;
        create table legacy.orders (id int primary key, waits interval, seal bytea, span tstzrange, weight float8)`);
    });
    after(async () => {
      await db.destroy();
      await database.drop();
    });

    it('begins each partition at midnight UTC, where the one before ends', async () => {
      const now = new Date();
      const stream = new MemoryStream();
      const options = { ...at, ahead: 5, retentionMs: 86_400_000, now };
      await keepPartitions(db, { ...options, streamHolds: () => stream.position() });
      const { rows } = await database.db.raw<{ rows: { starts: string; isNext: boolean }[] }>(`
        select to_char(starts_at, 'HH24:MI:SS') as starts,
          starts_at = lag(ends_at, 1, starts_at) over (order by starts_at) as "isNext"
        from outbox.outbox_partitions() where partition ~ '\\d{8}$'`);
      assert.ok(rows.length >= 5);
      for (const row of rows) assert.deepEqual(row, { starts: '00:00:00', isNext: true });
    });

    it('writes the values of captured and of imported rows in one way', async () => {
      const row = `'1 day 2 hours', '\\xdeadbeef', '[2026-01-31 12:00+00,)', '0.30000000000000004'`;
      await db.raw(`insert into legacy.orders values (1, ${row})`);
      await captureTable(db, mapping, at);
      await db.raw(`insert into legacy.orders values (2, ${row})`);
      await importTable(db, mapping, { eventType: 'OrderPlaced' }, at);
      const events = await database.db<{ payload: unknown }>('outbox.outbox').select('payload');
      const payload = {
        waits: '1 day 02:00:00',
        seal: '\\xdeadbeef',
        span: '["2026-01-31 12:00:00+00",)',
        weight: 0.30000000000000004,
      };
      assert.deepEqual(events, [{ payload }, { payload }]);
    });
  });
