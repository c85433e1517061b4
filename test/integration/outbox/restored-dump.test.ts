import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { OutboxRefusedError } from '../../../db/outbox/errors.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream, versionsByAggregate } from '../../support/memory-stream.ts';
import { burnXids, copySchemaData, nextXid } from '../../support/outbox-copies.ts';
import { testRelay } from '../../support/outbox-readers.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';
import { ownPostgres, type OwnServer } from '../../support/own-servers.ts';

/** How many transaction ids the first server is ahead. */
const AHEAD = 2_000n;

describe('a dump of an outbox that is restored on another server', function () {
  this.timeout(60_000);
  let first: TestDatabase;
  let server: OwnServer;
  let second: Knex;
  let schema: string;
  let count = 0;
  let published: string[];
  let unpublished: string[];
  let stream: MemoryStream;

  before(async () => {
    first = await createEmptyDatabase();
    server = await ownPostgres('none');
    second = connect({ url: server.url, poolSize: 20, applicationName: 'test' });
  });
  after(async () => {
    await second.destroy();
    await server.remove();
    await first.drop();
  });

  beforeEach(async () => {
    schema = `restored_${++count}`;
    for (const db of [first.db, second]) {
      await installOutbox(db, { schema, shards: 1 });
      await createAggregates(db, schema);
    }
    await burnXids(first.db, (await nextXid(second)) + AHEAD);
    stream = new MemoryStream();
    published = await write(first.db, 10);
    await publish(first.db);
    assert.equal(stream.published.length, published.length);
    unpublished = await write(first.db, 6);
    await copySchemaData(first.db, second, schema);
  });

  /** To two aggregates, in transactions of their own. @returns ids in order */
  async function write(db: Knex, events: number): Promise<string[]> {
    const ids: string[] = [];
    for (let written = 0; written < events; written++) {
      ids.push(...(await db.transaction((trx) => writeEvents(trx, schema, written % 2, 1))));
    }
    return ids;
  }

  /** Runs a relay until nothing is left to publish. @throws what it ended with */
  async function publish(db: Knex): Promise<void> {
    const stop = new AbortController();
    const running = testRelay(db, schema, stream).run(stop.signal);
    running.catch(() => {
      stop.abort();
    });
    await eventually(async () => stop.signal.aborted || (await isCaughtUp(db, schema)) || undefined, {
      what: 'the backlog is empty',
    }).finally(() => {
      stop.abort();
    });
    await running;
  }

  async function refusal(): Promise<string> {
    const error: unknown = await publish(second).catch((reason: unknown) => reason);
    assert.ok(error instanceof OutboxRefusedError, String(error));
    return error.message;
  }

  /** What the relay says is to be run for one of the decisions. */
  const instruction = (message: string, decision: RegExp): string => {
    const found = new RegExp(`${decision.source}, run "([^"]+)"`).exec(message)?.[1];
    assert.ok(found, message);
    return found;
  };
  const ALL = /to publish all of it/;
  const NEXT = /to publish only what comes next/;

  const publishedIds = (): string[] => stream.published.map(({ id }) => id);

  it('makes the relay stop with instructions, and nothing is published', async () => {
    await write(second, 2);
    const message = await refusal();
    assert.match(message, /restored from a dump[^]*Then start the relay again/);
    assert.deepEqual(publishedIds(), published);
  });

  it('stays refused when this server has given out as many transaction ids as the first had', async () => {
    await refusal();
    await burnXids(second, (await nextXid(first.db)) + 100n);
    assert.match(await refusal(), /restored from a dump/);
    assert.deepEqual(publishedIds(), published);
  });

  for (const where of ['the same stream', 'another stream']) {
    describe(`with ${where}`, () => {
      beforeEach(() => {
        if (where === 'another stream') {
          stream = new MemoryStream();
          stream.created = 'second';
        }
      });

      it('gets everything again after the instruction for that, in order, and then what comes next', async () => {
        const before = publishedIds();
        await second.raw(instruction(await refusal(), ALL));
        await publish(second);
        assert.deepEqual(publishedIds(), [...before, ...published, ...unpublished]);
        const next = await write(second, 4);
        await publish(second);
        assert.deepEqual(publishedIds(), [...before, ...published, ...unpublished, ...next]);
        const again = stream.published.slice(before.length);
        assert.deepEqual([...versionsByAggregate(again).values()], [oneTo(10), oneTo(10)]);
      });

      it('gets only what comes next after the instruction for that, also when the old ids come round', async () => {
        const before = publishedIds();
        await second.raw(instruction(await refusal(), NEXT));
        const next = await write(second, 4);
        await publish(second);
        assert.deepEqual(publishedIds(), [...before, ...next]);
        await burnXids(second, (await nextXid(first.db)) + 100n);
        next.push(...(await write(second, 2)));
        await publish(second);
        assert.deepEqual(publishedIds(), [...before, ...next]);
      });
    });
  }
});

const oneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
