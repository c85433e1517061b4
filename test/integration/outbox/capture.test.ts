import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { connect, type Knex } from '../../../db/connection.ts';
import {
  captureTable,
  importTable,
  installOutbox,
  releaseTable,
  shardOf,
  type TableMapping,
} from '../../../db/outbox/index.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { versionsByAggregate } from '../../support/memory-stream.ts';
import { relayReader } from '../../support/outbox-readers.ts';

const at = { schema: 'outbox' };
const mapping = {
  table: { schema: 'legacy', name: 'orders' },
  aggregateType: 'order',
  idColumn: 'id',
  events: { insert: 'OrderPlaced', update: 'OrderChanged', delete: 'OrderRemoved' },
  payloadColumns: ['status', 'placed_at'],
} satisfies TableMapping;
const PERMISSION_DENIED = { code: '42501' };
const LOCK_NOT_AVAILABLE = { code: '55P03' };

describe('capturing a table', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
    await installOutbox(db, { ...at, shards: 1 });
  });
  after(() => database.drop());
  beforeEach(async () => {
    await db.raw(`
      truncate outbox.outbox, outbox.outbox_versions;
      drop schema if exists legacy cascade;
      create schema legacy;
      create table legacy.orders (
        id integer primary key, status text, note text, placed_at timestamptz default '2020-02-02 12:00+02'
      )`);
  });

  const written = async (): Promise<[id: string, version: number, type: string, payload: unknown][]> => {
    const rows: { aggregate_id: string; aggregate_version: number; event_type: string; payload: unknown }[] =
      await db.withSchema('outbox').table('outbox').orderBy('seq');
    return rows.map((row) => [row.aggregate_id, row.aggregate_version, row.event_type, row.payload]);
  };
  const summary = async (): Promise<string[]> =>
    (await written()).map(([id, version, type]) => `${id} ${version} ${type}`);
  const insert = (id: number): Promise<unknown> =>
    Promise.resolve(db.raw("insert into legacy.orders values (?, 'NEW')", [id]));

  it('makes an event of each change, with a version that counts on past a removal', async () => {
    await captureTable(db, mapping, at);
    await db.raw("set timezone = 'Asia/Tokyo'; insert into legacy.orders values (7, 'NEW', 'secret')");
    await db.raw("update legacy.orders set status = 'PAID'");
    await db.raw('delete from legacy.orders');
    await insert(7);
    const placed_at = '2020-02-02T10:00:00+00:00';
    assert.deepEqual(await written(), [
      ['7', 1, 'OrderPlaced', { status: 'NEW', placed_at }],
      ['7', 2, 'OrderChanged', { status: 'PAID', placed_at }],
      ['7', 3, 'OrderRemoved', { status: 'PAID', placed_at }],
      ['7', 4, 'OrderPlaced', { status: 'NEW', placed_at }],
    ]);
  });

  it('passes over updates that change none of the columns that count, and operations without an event', async () => {
    const { insert: placed, update: changed } = mapping.events;
    const events = { insert: placed, update: changed };
    await captureTable(db, { ...mapping, events, updateColumns: ['status', 'note'] }, at);
    await insert(1);
    await db.raw('update legacy.orders set placed_at = now(), status = status');
    await db.raw("update legacy.orders set note = 'written'");
    await db.raw('delete from legacy.orders');
    assert.deepEqual(await summary(), ['1 1 OrderPlaced', '1 2 OrderChanged']);
  });

  it('takes a changed id for the end of one aggregate and the beginning of another', async () => {
    await captureTable(db, mapping, at);
    await insert(1);
    await db.raw('update legacy.orders set id = 2');
    assert.deepEqual(await summary(), ['1 1 OrderPlaced', '1 2 OrderRemoved', '2 1 OrderPlaced']);
  });

  it('what is rolled back, to a savepoint or whole, leaves neither an event nor a gap', async () => {
    await captureTable(db, mapping, at);
    await insert(1);
    const undone = await db.transaction();
    await undone.raw("update legacy.orders set status = 'LOST'");
    await undone.rollback();
    await db.transaction(async (trx) => {
      const savepoint = await trx.transaction();
      await savepoint.raw("update legacy.orders set status = 'LOST'");
      await savepoint.rollback();
      await trx.raw("update legacy.orders set status = 'PAID'");
    });
    const placed_at = '2020-02-02T10:00:00+00:00';
    assert.deepEqual(await written(), [
      ['1', 1, 'OrderPlaced', { status: 'NEW', placed_at }],
      ['1', 2, 'OrderChanged', { status: 'PAID', placed_at }],
    ]);
  });

  it('many writers of few rows, and an import at the same time: published once each, without gaps, in order', async () => {
    await Promise.all([1, 2, 3].map(insert));
    await captureTable(db, mapping, at);
    const reader = relayReader(db, 'outbox');
    const [writers, updates] = [12, 15];
    await Promise.all([
      importTable(db, mapping, { eventType: 'OrderImported', batchSize: 1 }, at),
      ...Array.from({ length: writers }, async (_, writer) => {
        for (let update = 0; update < updates; update++)
          await db.raw('update legacy.orders set note = ? where id = ?', [
            `${writer}`,
            ((writer + update) % 3) + 1,
          ]);
      }),
    ]);
    await reader.poll();
    await reader.stop();
    const events = await summary();
    const imported = events.filter((line) => line.endsWith('OrderImported'));
    assert.equal(events.length, writers * updates + imported.length);
    for (const line of imported) assert.match(line, /^\d 1 /);
    assert.equal(reader.read.length, events.length);
    for (const versions of versionsByAggregate(reader.read).values())
      assert.deepEqual(
        versions,
        versions.map((_, index) => index + 1),
      );
  });

  it('asks no right on the outbox of whoever writes, and looks up nothing where they could put it', async () => {
    const [role, password] = [`legacy_${randomBytes(4).toString('hex')}`, 'secret'];
    await captureTable(db, mapping, at);
    await db.raw(`create role ?? login password '${password}'`, [role]);
    await db.raw('grant usage, create on schema legacy to ??', [role]);
    await db.raw('grant select, insert, update on legacy.orders to ??', [role]);
    const url = Object.assign(new URL(database.url), { username: role, password });
    const application = connect({ url: url.href, poolSize: 1, applicationName: 'test' });
    try {
      await application.raw(`
        create function legacy.gen_random_uuid() returns uuid language plpgsql as 'begin raise ''taken in''; end';
        set search_path = legacy, pg_catalog`);
      await assert.rejects(Promise.resolve(application.raw('select gen_random_uuid()')), /taken in/);
      await application.raw("insert into orders values (1, 'NEW'); update orders set status = 'PAID'");
      assert.deepEqual(await summary(), ['1 1 OrderPlaced', '1 2 OrderChanged']);

      await assert.rejects(Promise.resolve(application.raw('delete from outbox.outbox')), PERMISSION_DENIED);
      await db.raw('grant usage on schema outbox to ??', [role]);
      const forge = `
        create table legacy.mine (id integer);
        create trigger forge after insert on legacy.mine for each row execute function outbox.outbox_capture('{}')`;
      await assert.rejects(Promise.resolve(application.raw(forge)), PERMISSION_DENIED);
    } finally {
      await application.destroy();
      await db.raw('drop owned by ??', [role]);
      await db.raw('drop role ??', [role]);
    }
  });

  it('bears any names', async () => {
    const table = { schema: 'legacy', name: `or"der's?.$1 :x` };
    const id = `i"d'?.$1`;
    await db.raw(`create table legacy."or""der's\\?.$1 :x" ("i""d'\\?.$1" text primary key)`);
    await captureTable(db, { ...mapping, table, idColumn: id, payloadColumns: [id] }, at);
    await db.raw(`insert into legacy."or""der's\\?.$1 :x" values ('a''b')`);
    assert.deepEqual(await written(), [["a'b", 1, 'OrderPlaced', { [id]: "a'b" }]]);
    await releaseTable(db, table);
  });

  it('is refused for a column that the table does not have', async () => {
    const wrong = { ...mapping, payloadColumns: ['status', 'sum'], updateColumns: ['stat'] };
    await assert.rejects(captureTable(db, wrong, at), /legacy\.orders has no column sum, stat/);
  });

  it('gives up when writers do not let it in, instead of keeping the next ones out', async () => {
    const open = await db.transaction();
    await open.raw("insert into legacy.orders values (1, 'NEW')");
    await assert.rejects(captureTable(db, mapping, at), LOCK_NOT_AVAILABLE);
    await open.commit();
    await captureTable(db, mapping, at);
    await insert(2);
    assert.deepEqual(await summary(), ['2 1 OrderPlaced']);
  });

  it('ends with a release, and its versions go on after the next capture', async () => {
    await captureTable(db, mapping, at);
    await insert(1);
    await releaseTable(db, mapping.table);
    await releaseTable(db, mapping.table);
    await db.raw("update legacy.orders set status = 'UNSEEN'");
    await captureTable(db, mapping, at);
    await db.raw("update legacy.orders set status = 'PAID'");
    assert.deepEqual(await summary(), ['1 1 OrderPlaced', '1 2 OrderChanged']);
  });

  it('imports each row that has no event yet, once', async () => {
    await Promise.all([1, 2, 3, 4, 5].map(insert));
    await captureTable(db, mapping, at);
    await db.raw("update legacy.orders set status = 'PAID' where id = 4");
    const importAll = (): Promise<number> =>
      importTable(db, mapping, { eventType: 'OrderImported', batchSize: 2 }, at);
    assert.equal(await importAll(), 4);
    assert.equal(await importAll(), 0);
    assert.deepEqual(await summary(), [
      '4 1 OrderChanged',
      ...[1, 2, 3, 5].map((id) => `${id} 1 OrderImported`),
    ]);
    const [changed, imported] = await written();
    assert.deepEqual(changed?.[3], { ...(imported?.[3] as object), status: 'PAID' });
  });

  it('has one function for shards, in SQL and in TypeScript', async () => {
    const text = fc.string({ unit: 'grapheme' }).filter((id) => !id.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 64 }), async (id, shards) => {
        const { rows } = await db.raw<{ rows: { shard: number }[] }>(
          'select outbox.outbox_shard(?, ?) as shard',
          [id, shards],
        );
        assert.equal(rows[0]?.shard, shardOf(id, shards));
      }),
      { numRuns: 200 },
    );
  });
});
