import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import type { OutboxRow } from '../../../db/outbox/rows.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream } from '../../support/memory-stream.ts';
import { relayReader } from '../../support/outbox-readers.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';

const BEFORE_PARTITIONS = 3;

describe('an outbox that was one table becomes partitions', () => {
  const schema = 'upgraded';
  let database: TestDatabase;
  let db: Knex;
  let stream: MemoryStream;

  beforeEach(async () => {
    stream = new MemoryStream();
    database = await createEmptyDatabase();
    db = database.db;
    await installOutbox(db, { schema, shards: 1, version: BEFORE_PARTITIONS });
    await createAggregates(db, schema);
  });
  afterEach(() => database.drop());

  const upgrade = (): Promise<void> => installOutbox(db, { schema, shards: 1 });
  const write = (count: number): Promise<string[]> =>
    db.transaction((trx) => writeEvents(trx, schema, 0, count));

  /** Everything that the relay goes by, and what is shown of it. */
  async function contents(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const [table, order] of [
      ['outbox', 'seq'],
      ['outbox_cursor', 'shard'],
      ['outbox_journal', 'page'],
      ['outbox_messages', 'seq'],
    ] as const)
      found[table] = (await db.withSchema(schema).table(table).orderBy(order).select()) as unknown;
    return found;
  }

  /** @returns ids of all that is published by now, in this order. */
  async function publish(): Promise<string[]> {
    const reader = relayReader(db, schema, stream);
    await reader.poll();
    await reader.stop();
    return reader.read.map(({ id }) => id);
  }

  /** As the relay of that version left it: all rows in one page. */
  async function markPublished(): Promise<void> {
    const rows: OutboxRow[] = await db
      .withSchema(schema)
      .table('outbox')
      .orderBy('seq')
      .select('seq', 'id', { aggregateId: 'aggregate_id', aggregateVersion: 'aggregate_version' });
    stream.published.push(...rows);
    await db.raw(
      `insert into upgraded.outbox_journal
        (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
      select 0, 0, '3:3:', pg_current_snapshot(), min(seq), max(seq), count(*), ?, count(*) from upgraded.outbox`,
      [stream.created],
    );
    await db.raw('update upgraded.outbox_cursor set snapshot_from = pg_current_snapshot()');
  }

  it('with its rows, their order and transactions, the cursor and the journal as they were', async () => {
    const ids = await write(10);
    await markPublished();
    ids.push(...(await write(7)));
    const before = await contents();
    await upgrade();
    assert.deepEqual(await contents(), before);
    ids.push(...(await write(3)));
    assert.deepEqual(await publish(), ids);
    const rows: { id: string; sent_at: Date | null }[] = await db
      .withSchema(schema)
      .table('outbox_messages')
      .orderBy('seq')
      .select();
    assert.deepEqual(
      rows.map(({ id }) => id),
      ids,
      'numbers go on behind those that were given',
    );
    assert.ok(rows.every(({ sent_at }) => sent_at !== null));
  });

  it('after a writer that is at work, and those that come meanwhile write to the partitions', async () => {
    const open = await db.transaction();
    const ids = await writeEvents(open, schema, 1, 2);
    const upgrading = upgrade();
    const isWaiting = "select from pg_locks where not granted and mode = 'AccessExclusiveLock'";
    await eventually(
      async () => (await db.raw<{ rows: unknown[] }>(isWaiting)).rows.length > 0 || undefined,
      { what: 'the upgrade waits for the writer' },
    );
    const meanwhile = write(3);
    await open.commit();
    await upgrading;
    ids.push(...(await meanwhile));
    assert.deepEqual(await publish(), ids);
  });

  it('with its rows where they are, in the first partition', async () => {
    await write(2);
    const fileOf = async (table: string): Promise<unknown> =>
      (
        await db.raw<{ rows: { file: string }[] }>(
          "select pg_relation_filenode(cast(format('%I.%I', cast(? as text), cast(? as text)) as regclass)) as file",
          [schema, table],
        )
      ).rows[0]?.file;
    const before = await fileOf('outbox');
    await upgrade();
    assert.equal(await fileOf('outbox_first'), before);
  });

  it('for those who may write to it already', async () => {
    const writer = `writer_${randomBytes(4).toString('hex')}`;
    await db.raw('create role ??', [writer]);
    try {
      await db.raw('grant insert on ??.outbox to ??', [schema, writer]);
      await upgrade();
      const { rows } = await db.raw<{ rows: unknown[] }>(
        `select has_table_privilege(cast(:writer as text), :table, 'insert') as "insert",
          has_table_privilege(cast(:writer as text), :table, 'select') as "select"`,
        { writer, table: `${schema}.outbox` },
      );
      assert.deepEqual(rows, [{ insert: true, select: false }]);
    } finally {
      await db.raw('drop owned by ??', [writer]);
      await db.raw('drop role ??', [writer]);
    }
  });
});
