import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { decideParked, listParked } from '../../../db/outbox/parking.ts';
import { BEGINNING } from '../../../db/outbox/location.ts';
import { keepPartitions, type PartitionReport } from '../../../db/outbox/partitions.ts';
import type { RelayObserver } from '../../../db/outbox/ports.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream, versionsByAggregate } from '../../support/memory-stream.ts';
import { silentObserver, testRelay } from '../../support/outbox-readers.ts';
import { createAggregates, runWriters, writeEvents, writerScripts } from '../../support/outbox-writers.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION_MS = 7 * DAY_MS;

describe('partitions of the outbox', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let db: Knex;
  let schema: string;
  let stream: MemoryStream;
  let count = 0;
  /** When the outbox was installed. */
  let installedAt: Date;
  let stopRelay: (() => Promise<void>) | undefined;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
  });
  after(() => database.drop());
  beforeEach(async () => {
    schema = `partitions_${++count}`;
    stream = new MemoryStream();
    installedAt = new Date();
    await installOutbox(db, { schema, shards: 1 });
    await createAggregates(db, schema);
  });
  afterEach(() => stopRelay?.());

  function startRelay(observer: Partial<RelayObserver> = {}): void {
    const stop = new AbortController();
    const relay = testRelay(db, schema, stream, { observer: { ...silentObserver, ...observer } });
    const ended = relay.run(stop.signal);
    stopRelay = async () => {
      stop.abort();
      await ended;
      stopRelay = undefined;
    };
  }

  const daysLater = (days: number): Date => new Date(installedAt.getTime() + days * DAY_MS);
  /** The day's partition, as it is named. */
  const nameOf = (day: Date): string => `outbox_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;
  const keep = (now: Date, ahead = 3, streamHolds = () => stream.position()): Promise<PartitionReport> =>
    keepPartitions(db, { schema, ahead, retentionMs: RETENTION_MS, now, streamHolds });

  /** Writes in one transaction as if it were another day. @returns ids */
  async function writeOn(day: Date, events: number): Promise<string[]> {
    await db.raw('alter table ??.outbox alter column created_at set default ' + `'${day.toISOString()}'`, [
      schema,
    ]);
    const ids = await db.transaction((trx) => writeEvents(trx, schema, 0, events));
    await db.raw('alter table ??.outbox alter column created_at set default now()', [schema]);
    return ids;
  }

  /** Publishes all that is written, and lets the journal say that it was on this day. */
  async function publishAllOn(day: Date): Promise<void> {
    startRelay();
    await eventually(async () => (await isCaughtUp(db, schema)) || undefined, {
      what: 'everything is published',
    });
    await stopRelay?.();
    await db.raw('update ??.outbox_journal set published_at = ? where published_at > ?', [
      schema,
      day,
      installedAt,
    ]);
  }

  const partitions = async (): Promise<string[]> =>
    (
      await db.raw<{ rows: { partition: string }[] }>('select partition from ??.outbox_partitions()', [
        schema,
      ])
    ).rows.map(({ partition }) => partition);
  const idsInOutbox = async (): Promise<string[]> => {
    const rows: { id: string }[] = await db.withSchema(schema).table('outbox').orderBy('seq').select('id');
    return rows.map(({ id }) => id);
  };
  const partitionOf = async (id: string): Promise<string | undefined> =>
    (
      await db.raw<{ rows: { name: string }[] }>(
        'select relname as name from ??.outbox o join pg_class c on c.oid = o.tableoid where id = ?',
        [schema, id],
      )
    ).rows[0]?.name;

  describe('made ahead', () => {
    it('are those of the coming days that have none yet', async () => {
      assert.deepEqual(await partitions(), [
        'outbox_first',
        ...[1, 2, 3].map((days) => nameOf(daysLater(days))),
        'outbox_default',
      ]);
      assert.deepEqual(await keep(daysLater(0), 5), {
        created: [nameOf(daysLater(4)), nameOf(daysLater(5))],
        dropped: [],
        postponed: [],
      });
      assert.deepEqual((await keep(daysLater(0), 5)).created, []);
    });

    it('wait for no open writer, and hold none up', async () => {
      const open = await db.transaction();
      await writeEvents(open, schema, 0, 1);
      assert.deepEqual((await keep(daysLater(0), 4)).created, [nameOf(daysLater(4))]);
      await open.commit();
    });

    it('leave a day alone whose rows have gone to the default partition', async () => {
      const [id] = await writeOn(daysLater(20), 1);
      assert.ok(id);
      assert.equal(await partitionOf(id), 'outbox_default');
      const { created } = await keep(daysLater(19), 2);
      assert.deepEqual(created, [nameOf(daysLater(19)), nameOf(daysLater(21))]);
      assert.deepEqual(await idsInOutbox(), [id]);
    });
  });

  describe('dropped', () => {
    it('are those that are old enough and published, with their journal; the rest stays', async () => {
      const old = await writeOn(daysLater(0), 9);
      await publishAllOn(daysLater(0));
      const young = await writeOn(daysLater(2), 3);
      await publishAllOn(daysLater(2));

      const report = await keep(daysLater(9), 0);
      assert.deepEqual(report.dropped, ['outbox_first', nameOf(daysLater(1))]);
      assert.deepEqual(await idsInOutbox(), young);
      const messages: { id: string; sent_at: Date | null }[] = await db
        .withSchema(schema)
        .table('outbox_messages')
        .select('id', 'sent_at');
      assert.deepEqual(
        messages.map(({ id, sent_at }) => [id, sent_at?.getTime()]),
        young.map((id) => [id, daysLater(2).getTime()]),
      );
      const pages: { row_count: number }[] = await db
        .withSchema(schema)
        .table('outbox_journal')
        .select('row_count');
      assert.deepEqual(pages, [{ row_count: 3 }], 'pages of dropped rows are gone');
      assert.equal(old.length, 9);
    });

    it('is the content of the default partition, too', async () => {
      await writeOn(daysLater(10), 2);
      await publishAllOn(daysLater(10));
      assert.ok((await keep(daysLater(18), 0)).dropped.includes('outbox_default'));
      assert.deepEqual(await idsInOutbox(), []);
      assert.ok((await partitions()).includes('outbox_default'));
    });

    /** What is said about the first partition on a day on which it is old enough. */
    async function reasonOn(day: Date, streamHolds = () => stream.position()): Promise<string | undefined> {
      const before = await idsInOutbox();
      const { dropped, postponed } = await keep(day, 0, streamHolds);
      assert.ok(!dropped.includes('outbox_first'));
      assert.deepEqual(await idsInOutbox(), before);
      return postponed.find(({ partition }) => partition === 'outbox_first')?.because;
    }

    it('is nothing of which a shard has not published all', async () => {
      await writeOn(daysLater(0), 3);
      assert.match((await reasonOn(daysLater(9))) ?? '', /shard 0 has not published all of it/);
      await publishAllOn(daysLater(0));
      await db.transaction((trx) => writeEvents(trx, schema, 0, 1));
      assert.match((await reasonOn(daysLater(9))) ?? '', /shard 0 has not published all of it/);
    });

    it('is nothing that was published while the cursor had to pass over it, before the cursor comes back', async () => {
      const open = await db.transaction();
      await writeEvents(open, schema, 0, 1);
      await db.transaction((trx) => writeEvents(trx, schema, 1, 1));
      await publishAllOn(daysLater(0));
      // Its transaction is under way in the cursor, and not in the table for anybody who looks.
      assert.equal(await reasonOn(daysLater(9)), 'the outbox was in use');
      await open.commit();
      assert.match((await reasonOn(daysLater(9))) ?? '', /has not published all of it/);
    });

    it('is nothing that was published within the retention, however old it is', async () => {
      await writeOn(daysLater(0), 3);
      await publishAllOn(daysLater(8));
      assert.match((await reasonOn(daysLater(9))) ?? '', /published some of it only lately/);
      assert.ok((await keep(daysLater(16), 0)).dropped.includes('outbox_first'));
    });

    it('is nothing of which a row is parked, until an operator has decided; then the record of it goes as well', async () => {
      const [id = ''] = await writeOn(daysLater(0), 1);
      await publishAllOn(daysLater(0));
      await db.raw(
        `insert into ??.outbox_parked
          (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state, cause)
        select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'PARKED', 'too large'
        from ??.outbox where id = ?`,
        [schema, schema, id],
      );
      const { dropped, postponed } = await keep(daysLater(9), 0);
      assert.ok(!dropped.includes('outbox_first'));
      assert.match(postponed.map(({ because }) => because).join(), /some of it is parked/);
      const [parked] = await listParked(db, { schema }, 1);
      await decideParked(db, { schema }, parked?.seq ?? '', {
        decision: 'discard',
        operator: 'maria',
        reason: 'seen',
      });
      assert.ok((await keep(daysLater(9), 0)).dropped.includes('outbox_first'));
      assert.deepEqual(await db.withSchema(schema).table('outbox_parked').select(), []);
    });

    it('is nothing of a shard that has no relay', async () => {
      await db.raw('update ??.outbox_cursor set snapshot_from = pg_current_snapshot()', [schema]);
      await writeOn(daysLater(0), 1);
      await publishAllOn(daysLater(0));
      await db.raw('update ??.outbox set shard = 7', [schema]);
      assert.match((await reasonOn(daysLater(9))) ?? '', /no relay publishes shard 7/);
    });

    it('is nothing while the stream has lost what was published, or does not answer', async () => {
      await writeOn(daysLater(0), 3);
      await publishAllOn(daysLater(0));
      stream.created = 'second';
      assert.match((await reasonOn(daysLater(9))) ?? '', /lost what shard 0 published/);
      stream.created = 'first';
      const tail = stream.published.pop();
      assert.ok(tail);
      assert.match((await reasonOn(daysLater(9))) ?? '', /lost what shard 0 published/);
      stream.published.push(tail);
      const unreachable = (): Promise<never> => Promise.reject(new Error('no route'));
      assert.match(
        (await reasonOn(daysLater(9), unreachable)) ?? '',
        /^the position of the stream could not be queried$/,
      );
      assert.ok((await keep(daysLater(9), 0)).dropped.includes('outbox_first'));
    });

    it('waits for nothing that is open for long, and lets writers go on', async () => {
      await writeOn(daysLater(0), 1);
      await publishAllOn(daysLater(0));
      const open = await db.transaction();
      await writeEvents(open, schema, 0, 1);
      const keeping = reasonOn(daysLater(9));
      const startedAt = Date.now();
      const other = await db.transaction();
      await writeEvents(other, schema, 1, 1);
      const waitedMs = Date.now() - startedAt;
      await other.rollback();
      const reason = await keeping;
      await open.rollback();
      assert.equal(reason, 'the outbox was in use');
      assert.ok(waitedMs < 2_000);
    });
  });

  it('a lost stream gets again what is left, and the relay says since when', async () => {
    await writeOn(daysLater(0), 5);
    await publishAllOn(daysLater(0));
    const left = await writeOn(daysLater(2), 5);
    await publishAllOn(daysLater(2));
    await keep(daysLater(9), 0);

    stream.published.length = 0;
    stream.created = 'second';
    const rewound: object[] = [];
    startRelay({ rewound: (_shard, to) => rewound.push(to) });
    await eventually(() => Promise.resolve(stream.published.length === left.length || undefined), {
      what: 'what is left is published again',
    });
    assert.deepEqual(
      stream.published.map(({ id }) => id),
      left,
    );
    const droppedBefore = new Date(daysLater(2).toISOString().slice(0, 10));
    assert.deepEqual(rewound, [{ from: BEGINNING, droppedBefore }]);
  });

  it('come and go under writers that cross their borders: all is published once, in order', async () => {
    // A day in a second, for the writers by what is default, for the keeper by its clock.
    const startedAt = Date.now();
    const fast = (ms: number): Date => new Date(startedAt + (ms - startedAt) * 86_400);
    await db.raw(
      `alter table ??.outbox alter column created_at set default
        cast('${new Date(startedAt).toISOString()}' as timestamptz)
        + (clock_timestamp() - cast('${new Date(startedAt).toISOString()}' as timestamptz)) * 86400`,
      [schema],
    );
    startRelay();
    // For three days nothing is published, so that partitions come due with rows in them that must stay.
    stream.beforePublish = async () => {
      const day = (Date.now() - startedAt) / 1_000;
      if (day > 2 && day < 5) await pause(5_000 - (Date.now() - startedAt));
    };
    const written = new AbortController();
    const reports: PartitionReport[] = [];
    const keeping = (async () => {
      while (!written.signal.aborted) {
        reports.push(
          await keepPartitions(db, {
            schema,
            ahead: 3,
            // In the journal time goes at its usual pace, so what is dropped is what was published before "now".
            retentionMs: DAY_MS,
            now: fast(Date.now()),
            streamHolds: () => stream.position(),
          }),
        );
        await pause(50);
      }
    })();
    const committed = new Set<string>();
    while (Date.now() - startedAt < 8_000) {
      const [scripts] = fc.sample(writerScripts(6), 1);
      assert.ok(scripts);
      for (const id of await runWriters(db, schema, scripts)) committed.add(id);
    }
    written.abort();
    await keeping;
    await eventually(() => Promise.resolve(stream.published.length >= committed.size || undefined), {
      what: 'everything is published',
    });
    assert.deepEqual(new Set(stream.published.map(({ id }) => id)), committed);
    assert.equal(stream.published.length, committed.size);
    for (const [aggregate, versions] of versionsByAggregate(stream.published))
      assert.deepEqual(
        versions,
        versions.map((_, index) => index + 1),
        aggregate,
      );
    assert.ok(reports.flatMap(({ created }) => created).length >= 4, 'partitions were made meanwhile');
    assert.ok(reports.flatMap(({ dropped }) => dropped).length >= 3, 'partitions were dropped meanwhile');
    const reasons = reports.flatMap(({ postponed }) => postponed.map(({ because }) => because));
    assert.ok(reasons.includes('shard 0 has not published all of it'), 'some had to stay meanwhile');
    assert.ok((await idsInOutbox()).length < committed.size);
  });
});
