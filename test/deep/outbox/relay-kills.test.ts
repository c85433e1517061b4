import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import { FencedError } from '../../../db/outbox/errors.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { decideParked, listParked } from '../../../db/outbox/parking.ts';
import type { Publisher } from '../../../db/outbox/ports.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream } from '../../support/memory-stream.ts';
import { faultsOf } from '../../support/outbox-faults.ts';
import { testRelay } from '../../support/outbox-readers.ts';
import {
  createAggregates,
  runWriters,
  writeEvents,
  writerScripts,
  type WriterTransaction,
} from '../../support/outbox-writers.ts';

/** What ends a relay, when it has published so many pages. */
interface Kill {
  readonly pages: number;
  readonly point: 'before publishing' | 'in the middle of a page' | 'before the cursor moves';
  /** What becomes of the stream meanwhile. */
  readonly stream: 'stays' | 'loses its tail' | 'is made anew';
}

const kills = fc.array(
  fc.record({
    pages: fc.nat({ max: 3 }),
    point: fc.constantFrom<Kill['point']>(
      'before publishing',
      'in the middle of a page',
      'before the cursor moves',
    ),
    stream: fc.constantFrom<Kill['stream']>('stays', 'stays', 'stays', 'loses its tail', 'is made anew'),
  }),
  { minLength: 1, maxLength: 6 },
);

const never = new Promise<never>(() => undefined);

/** A publisher of a process that is killed at one point: from there on it does nothing and answers nothing. */
function killedAt(stream: MemoryStream, { pages, point }: Kill, onKilled: () => void): Publisher {
  let published = 0;
  let isDead = false;
  const die = (): Promise<never> => {
    isDead = true;
    onKilled();
    return never;
  };
  return {
    get lastPosition() {
      return stream.lastPosition;
    },
    position: () => (isDead ? never : stream.position()),
    publish: async (rows) => {
      if (isDead) return never;
      if (published++ < pages) return stream.publish(rows);
      if (point === 'in the middle of a page') await stream.publish(rows.slice(0, rows.length / 2));
      if (point === 'before the cursor moves') await stream.publish(rows);
      return die();
    },
  };
}

/** Long enough for a relay to record a page, in ms. */
const LATE_MS = 50;

/** A planted bug: the page counts as published before it is stored; a kill in between loses it. */
function answersFirst(of: Publisher): Publisher {
  return {
    get lastPosition() {
      return of.lastPosition;
    },
    position: () => of.position(),
    publish: (rows) => {
      const before = of.position();
      setTimeout(() => void of.publish(rows), LATE_MS);
      return before;
    },
  };
}

describe('a relay that is killed', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let db: Knex;
  let count = 0;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
  });
  after(() => database.drop());

  async function newOutbox(): Promise<string> {
    const schema = `kills_${++count}`;
    await installOutbox(db, { schema, shards: 1 });
    await createAggregates(db, schema);
    return schema;
  }

  const relayTo = (schema: string, publisher: Publisher, owner = 'test'): ReturnType<typeof testRelay> =>
    testRelay(db, schema, publisher, { owner });

  /** A row at which relays were killed three times is parked, for an operator to find out that it was no fault of the row. */
  async function retryParked(schema: string): Promise<void> {
    for (const { seq } of await listParked(db, { schema }, 10))
      await decideParked(db, { schema }, seq, {
        decision: 'retry',
        operator: 'ops',
        reason: 'not its fault',
      });
  }

  const settled = (schema: string, stream: MemoryStream, committed: ReadonlySet<string>): Promise<true> =>
    eventually(
      async () => {
        await retryParked(schema);
        const { rows } = await db.raw<{ rows: unknown[] }>(
          'select from ??.outbox_messages where sent_at is null limit 1',
          [schema],
        );
        return (rows.length === 0 && stream.published.length >= committed.size) || undefined;
      },
      { what: 'the last relay has published the rest', withinMs: 10_000 },
    );

  /** Writers all the while; relays one after the other, each killed but the last. */
  async function faultsUnderKills(
    scripts: readonly WriterTransaction[][],
    plan: readonly Kill[],
    plant: (publisher: Publisher) => Publisher = (publisher) => publisher,
  ): Promise<string[]> {
    const schema = await newOutbox();
    const stream = new MemoryStream();
    const writing = runWriters(db, schema, scripts);
    const written = writing.then(() => undefined);
    for (const kill of plan) {
      const killed = new Promise<void>((resolve) => {
        void relayTo(schema, plant(killedAt(stream, kill, resolve))).run(new AbortController().signal);
      });
      // When all is published before that, the rest of the plan finds nothing to do.
      await Promise.race([killed, written.then(() => new Promise((resolve) => setTimeout(resolve, 100)))]);
      if (kill.stream === 'loses its tail') stream.published.length = Math.floor(stream.published.length / 2);
      if (kill.stream === 'is made anew') {
        stream.published.length = 0;
        stream.created += '+';
      }
    }
    const committed = await writing;
    const stop = new AbortController();
    const last = relayTo(schema, stream).run(stop.signal);
    const faults = await settled(schema, stream, committed).then(
      () => [],
      (error: unknown) => [String(error)],
    );
    stop.abort();
    await last;
    return [...faults, ...faultsOf(stream.published, committed)];
  }

  it('at any point, with a stream that is lost meanwhile: nothing is missing and no version comes too early', async () => {
    await fc.assert(
      fc.asyncProperty(writerScripts(8), kills, async (scripts, plan) => {
        assert.deepEqual(await faultsUnderKills(scripts, plan), []);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  it('the same check finds a cursor that moves before the acknowledge', async () => {
    const found: string[] = [];
    const plan: Kill[] = [{ pages: 1, point: 'before publishing', stream: 'stays' }];
    for (const scripts of fc.sample(writerScripts(8), 10)) {
      found.push(...(await faultsUnderKills(scripts, plan, answersFirst)));
      if (found.length > 0) break;
    }
    assert.match(found.join('\n'), /missing|after/);
  });

  it('two that take the shard from each other again and again lose nothing and mix nothing up', async () => {
    const schema = await newOutbox();
    const stream = new MemoryStream();
    const stop = new AbortController();
    let takeovers = 0;
    const fight = async (owner: string): Promise<void> => {
      while (!stop.signal.aborted) {
        await relayTo(schema, stream, owner)
          .run(stop.signal)
          .catch((error: unknown) => {
            if (!(error instanceof FencedError)) throw error;
            takeovers += 1;
          });
      }
    };
    const fighting = Promise.all([fight('first'), fight('second')]);
    const [scripts = []] = fc.sample(writerScripts(8), 1);
    const committed = await runWriters(db, schema, scripts);
    stop.abort();
    await fighting;
    const ending = new AbortController();
    const last = relayTo(schema, stream).run(ending.signal);
    await settled(schema, stream, committed);
    ending.abort();
    await last;
    assert.deepEqual(faultsOf(stream.published, committed), []);
    assert.ok(takeovers > 0, 'they never met');
  });

  describe('paused, and another has taken over', () => {
    /** @returns whether the paused one was told. */
    async function isFencedOnWaking(schema: string): Promise<boolean> {
      const stream = new MemoryStream();
      let goOn = (): void => undefined;
      const reached = new Promise<void>((resolve) => {
        stream.beforePublish = () => {
          resolve();
          return new Promise((go) => {
            goOn = go;
          });
        };
      });
      await db.transaction((trx) => writeEvents(trx, schema, 0, 2));
      const stop = new AbortController();
      const paused = relayTo(schema, stream, 'first').run(stop.signal);
      await reached;
      const other = new MemoryStream();
      const second = relayTo(schema, other, 'second').run(stop.signal);
      await db.transaction((trx) => writeEvents(trx, schema, 0, 6));
      await eventually(() => Promise.resolve(other.published.length === 8 || undefined), {
        what: 'the second has published everything',
      });
      const waking = paused.then(
        () => false,
        (error: unknown) => error instanceof FencedError,
      );
      goOn();
      stream.beforePublish = () => Promise.resolve();
      const wasFenced = await Promise.race([
        waking,
        new Promise<false>((resolve) => setTimeout(resolve, 300, false)),
      ]);
      stop.abort();
      await Promise.allSettled([paused, second]);
      return wasFenced;
    }

    it('is told by its epoch, and moves nothing', async () => {
      assert.equal(await isFencedOnWaking(await newOutbox()), true);
    });

    it('goes on beside it where the epoch is not checked', async () => {
      const schema = await newOutbox();
      await db.raw(
        `create function ??.same_epoch() returns trigger language plpgsql as
         'begin new.epoch := old.epoch; return new; end';
         create trigger same_epoch before update on ??.outbox_cursor for each row execute function ??.same_epoch()`,
        [schema, schema, schema],
      );
      assert.equal(await isFencedOnWaking(schema), false);
    });
  });
});
