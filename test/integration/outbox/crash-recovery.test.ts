import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream } from '../../support/memory-stream.ts';
import { nextXid } from '../../support/outbox-copies.ts';
import { silentObserver, testRelay } from '../../support/outbox-readers.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';
import { ownPostgres, type OwnServer } from '../../support/own-servers.ts';

const SCHEMA = 'crashed';

// A rollback is not written through to the disk, so after a crash PostgreSQL may give its transaction id out again.
describe('a relay that was idle while PostgreSQL crashed and came back', function () {
  this.timeout(60_000);
  let server: OwnServer;
  let db: Knex;
  let stream: MemoryStream;
  let looks: number;
  let lookAgain: () => void;
  let stopRelay: () => Promise<void>;

  before(async () => {
    server = await ownPostgres('full');
    db = connect({ url: server.url, poolSize: 5, applicationName: 'test' });
    // The log of a rollback then stays in memory for long enough.
    await db.raw("alter system set wal_writer_delay = '10s'");
    await db.raw('select pg_reload_conf()');
    await installOutbox(db, { schema: SCHEMA, shards: 1 });
    await createAggregates(db, SCHEMA);
    stream = new MemoryStream();
    startRelay();
  });
  after(async () => {
    await stopRelay();
    await db.destroy();
    await server.remove();
  });

  /** Sleeps until it is told to look again. */
  function startRelay(): void {
    looks = 0;
    const stop = new AbortController();
    const running = testRelay(db, SCHEMA, stream, {
      observer: { ...silentObserver, failed: () => undefined },
      wakeUp: (_timeoutMs, signal) =>
        new Promise((resolve) => {
          looks += 1;
          lookAgain = resolve;
          if (signal.aborted) resolve();
        }),
    }).run(stop.signal);
    running.catch(() => undefined);
    stopRelay = async () => {
      stop.abort();
      lookAgain();
      await running;
    };
  }

  /** Has the relay look, and go to sleep again. */
  async function look(): Promise<void> {
    await eventually(() => Promise.resolve(looks > 0 || undefined), { what: 'the relay sleeps' });
    const before = looks;
    lookAgain();
    await eventually(() => Promise.resolve(looks > before || undefined), { what: 'the relay has looked' });
  }
  /** Has the relay look until all of these are published: after the crash it claims the shard again first. */
  const untilPublished = (ids: readonly string[]): Promise<true> =>
    eventually(
      () => {
        const published = new Set(stream.published.map(({ id }) => id));
        if (!ids.every((id) => published.has(id))) lookAgain();
        return Promise.resolve(ids.every((id) => published.has(id)) || undefined);
      },
      { what: 'all is published' },
    );
  const write = (): Promise<string[]> => db.transaction((trx) => writeEvents(trx, SCHEMA, 0, 1));

  it('publishes what got a transaction id that it had seen rolled back', async () => {
    const ids = await write();
    await look();
    const undone = await db.transaction();
    await writeEvents(undone, SCHEMA, 0, 1);
    await undone.rollback();
    await look();
    const seen = await nextXid(db);
    await server.kill();
    await server.start();
    assert.ok((await nextXid(db)) < seen, 'the id of the rollback comes again');
    ids.push(...(await write()));
    await untilPublished(ids);
    assert.deepEqual(
      stream.published.map(({ id }) => id),
      ids,
    );
  });

  it('publishes what got such an id while a page was under way', async () => {
    const ids = await write();
    const undone = await db.transaction();
    await writeEvents(undone, SCHEMA, 0, 1);
    await undone.rollback();
    let goOn = (): void => undefined;
    const publishing = new Promise<void>((resolve) => {
      stream.beforePublish = () =>
        new Promise((go) => {
          goOn = go;
          resolve();
        });
    });
    lookAgain();
    await publishing;
    const seen = await nextXid(db);
    await server.kill();
    await server.start();
    assert.ok((await nextXid(db)) < seen, 'the id of the rollback comes again');
    ids.push(...(await write()));
    stream.beforePublish = () => Promise.resolve();
    goOn();
    await untilPublished(ids);
  });
});
