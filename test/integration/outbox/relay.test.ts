import assert from 'node:assert/strict';
import type { Knex } from '../../../db/connection.ts';
import { FencedError, OutboxRefusedError } from '../../../db/outbox/errors.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { createRelay } from '../../../db/outbox/relay.ts';
import type { RelayObserver } from '../../../db/outbox/ports.ts';
import { backlogOf } from '../../../db/outbox/window.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream } from '../../support/memory-stream.ts';
import { silentObserver } from '../../support/outbox-readers.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';

describe('outbox relay', () => {
  let database: TestDatabase;
  let db: Knex;
  let schema: string;
  let count = 0;
  const running: { stop: AbortController; ended: Promise<unknown> }[] = [];

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
  });
  after(() => database.drop());
  beforeEach(async () => {
    schema = `relay_${++count}`;
    await installOutbox(db, { schema, shards: 1 });
    await createAggregates(db, schema);
  });
  afterEach(async () => {
    for (const { stop, ended } of running.splice(0)) {
      stop.abort();
      await ended;
    }
  });

  const write = (events: number): Promise<string[]> =>
    db.transaction((trx) => writeEvents(trx, schema, 0, events));

  /** Runs a relay. @returns what it rejected with, undefined when it ended as asked. */
  function startRelay(
    stream: MemoryStream,
    observer: Partial<RelayObserver> = {},
    owner = 'test',
  ): Promise<unknown> {
    const stop = new AbortController();
    const relay = createRelay({
      db,
      schema,
      shard: 0,
      owner,
      publisher: stream,
      wakeUp: () => new Promise((resolve) => setTimeout(resolve, 2)),
      observer: { ...silentObserver, ...observer },
      pageSize: 3,
    });
    const ended = relay.run(stop.signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    running.push({ stop, ended });
    return ended;
  }

  const publishedIds = (stream: MemoryStream): string[] => stream.published.map(({ id }) => id);
  const untilPublished = (stream: MemoryStream, ids: readonly string[]): Promise<true> =>
    eventually(() => Promise.resolve(ids.every((id) => publishedIds(stream).includes(id)) || undefined), {
      what: `all of ${ids.length} rows are published, got ${stream.published.length}`,
    });

  it('a crash after publishing and before the cursor moved publishes that page again and skips nothing', async () => {
    const stream = new MemoryStream();
    let answersToLose = 1;
    stream.afterPublish = () => {
      if (answersToLose-- > 0) throw new Error('the answer was lost');
    };
    const ids = await write(8);
    void startRelay(stream, { failed: () => undefined });
    await untilPublished(stream, ids);
    assert.deepEqual(publishedIds(stream), [...ids.slice(0, 3), ...ids]);
  });

  it('while the stream is out of reach it keeps trying, and then publishes everything in order', async () => {
    const stream = new MemoryStream();
    let refusals = 3;
    stream.beforePublish = () =>
      refusals-- > 0 ? Promise.reject(new Error('no route to the stream')) : Promise.resolve();
    const failures: unknown[] = [];
    const ids = await write(5);
    void startRelay(stream, { failed: (_shard, error) => failures.push(error) });
    await untilPublished(stream, ids);
    assert.deepEqual(publishedIds(stream), ids);
    assert.equal(failures.length, 3);
  });

  it('an owner that was paused and taken over moves nothing any more', async () => {
    const paused = new MemoryStream();
    let resume = (): void => undefined;
    const published = new Promise<void>((resolve) => {
      paused.beforePublish = async () => {
        resolve();
        await new Promise<void>((go) => {
          resume = go;
        });
      };
    });
    const ids = await write(2);
    const first = startRelay(paused, {}, 'first');
    await published;

    const stream = new MemoryStream();
    void startRelay(stream, {}, 'second');
    ids.push(...(await write(2)));
    await untilPublished(stream, ids);

    resume();
    assert.ok((await first) instanceof FencedError);
    assert.deepEqual(publishedIds(stream), ids);
    const cursor: unknown = await db.withSchema(schema).table('outbox_cursor').first('owner', 'epoch');
    assert.deepEqual(cursor, { owner: 'second', epoch: '2' });
  });

  it('after a failover to another server, the shard is claimed again before anything else is published', async () => {
    const stream = new MemoryStream();
    const seen: string[] = [];
    void startRelay(stream, {
      claimed: () => seen.push('claimed'),
      published: () => seen.push('published'),
      failed: () => seen.push('failed'),
    });
    await untilPublished(stream, await write(1));
    // A standby that becomes the primary has the table empty.
    await db.transaction(async (trx) => {
      await trx.raw('truncate ??.outbox_session', [schema]);
      await writeEvents(trx, schema, 0, 1);
    });
    await eventually(() => Promise.resolve(stream.published.length === 2 || undefined), {
      what: 'the second row is published',
    });
    assert.deepEqual(seen, ['claimed', 'published', 'failed', 'claimed', 'published']);
  });

  it('when the stream has lost its tail, what is missing is published again', async () => {
    const stream = new MemoryStream();
    const ids = await write(7);
    const first = startRelay(stream);
    await untilPublished(stream, ids);
    running[0]?.stop.abort();
    await first;

    stream.published.length = 4;
    const rewinds: number[] = [];
    void startRelay(stream, { rewound: (shard) => rewinds.push(shard) });
    await untilPublished(stream, ids);
    assert.deepEqual(rewinds, [0]);
    // The page that was cut in the middle is repeated whole.
    assert.deepEqual(publishedIds(stream), [...ids.slice(0, 4), ...ids.slice(3)]);
  });

  it('a stream that was made anew gets everything from the beginning', async () => {
    const stream = new MemoryStream();
    const ids = await write(4);
    const first = startRelay(stream);
    await untilPublished(stream, ids);
    running[0]?.stop.abort();
    await first;

    stream.published.length = 0;
    stream.created = 'second';
    void startRelay(stream);
    await untilPublished(stream, ids);
    assert.deepEqual(publishedIds(stream), ids);
  });

  it('a restored copy whose transaction ids restarted is refused with instructions', async () => {
    await db.withSchema(schema).table('outbox_cursor').update({ snapshot_from: '900000000:900000000:' });
    const error = await startRelay(new MemoryStream());
    assert.ok(error instanceof OutboxRefusedError);
    assert.match(
      error.message,
      /restored from a dump[^]*snapshot_from = '3:3:'[^]*Then start the relay again/,
    );
  });

  it('tells the backlog, and when each message was sent', async () => {
    await write(2);
    assert.equal((await backlogOf(db, { schema, shard: 0 })).rows, 2);
    const stream = new MemoryStream();
    void startRelay(stream);
    await eventually(async () => (await isCaughtUp(db, schema)) || undefined, {
      what: 'the backlog is empty',
    });
    const aborted = await db.transaction();
    await writeEvents(aborted, schema, 1, 1);
    assert.equal((await backlogOf(db, { schema, shard: 0 })).rows, 0);
    await aborted.rollback();
    const messages: { sent_at: Date | null }[] = await db
      .withSchema(schema)
      .table('outbox_messages')
      .select('sent_at');
    assert.deepEqual(
      messages.map(({ sent_at }) => sent_at instanceof Date),
      [true, true],
    );
  });

  it('says up to when everything is published, and only when it is', async () => {
    const stream = new MemoryStream();
    let isPublishing = false;
    let open = (): void => undefined;
    stream.beforePublish = () =>
      new Promise((resolve) => {
        open = resolve;
        isPublishing = true;
      });
    const told: { asOf: number; lastSequence: number }[] = [];
    const before = Date.now();
    const ids = await write(1);
    void startRelay(stream, {
      caughtUp: (_shard, asOf, { lastSequence }) => told.push({ asOf: asOf.getTime(), lastSequence }),
    });
    await eventually(() => Promise.resolve(isPublishing || undefined), {
      what: 'the row is to be published',
    });
    assert.equal(told.length, 0, 'nothing may be told while a row waits');
    open();
    await untilPublished(stream, ids);
    await eventually(() => Promise.resolve(told.length > 0 || undefined), { what: 'caught up is told' });
    const [first] = told;
    assert.ok(first);
    assert.equal(first.lastSequence, 1);
    assert.ok(first.asOf >= before && first.asOf <= Date.now());
  });
});
