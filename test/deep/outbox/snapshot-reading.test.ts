import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { versionsByAggregate } from '../../support/memory-stream.ts';
import {
  relayReader,
  seqReader,
  xminReader,
  type MakeReader,
  type ReadEvent,
} from '../../support/outbox-readers.ts';
import {
  createAggregates,
  runWriters,
  writerScripts,
  writeEvents,
  type WriterTransaction,
} from '../../support/outbox-writers.ts';

/** What is wrong with what was read: rows missing, repeated or invented, and versions out of order. */
function faultsOf(read: readonly ReadEvent[], committed: ReadonlySet<string>): string[] {
  const ids = read.map(({ id }) => id);
  const seen = new Set(ids);
  return [
    ...[...committed].filter((id) => !seen.has(id)).map((id) => `missing ${id}`),
    ...ids.filter((id) => !committed.has(id)).map((id) => `never committed ${id}`),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `repeated ${id}`),
    ...[...versionsByAggregate(read)]
      .filter(([, versions]) => versions.some((version, index) => version !== index + 1))
      .map(([aggregate, versions]) => `${aggregate} in the order ${versions.join()}`),
  ];
}

describe('reading the outbox between two snapshots', function () {
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
    const schema = `outbox_${++count}`;
    await installOutbox(db, { schema, shards: 1 });
    await createAggregates(db, schema);
    return schema;
  }

  /** Reads all the while writers write, and once more when they are done. */
  async function faultsUnderWriters(
    makeReader: MakeReader,
    scripts: readonly WriterTransaction[][],
  ): Promise<string[]> {
    const schema = await newOutbox();
    const reader = makeReader(db, schema);
    const written = new AbortController();
    const polling = (async () => {
      while (!written.signal.aborted) await reader.poll();
    })();
    const committed = await runWriters(db, schema, scripts);
    written.abort();
    await polling;
    await reader.poll();
    await reader.stop();
    return faultsOf(reader.read, committed);
  }

  it('whatever the commit order: published = committed, once each, and each aggregate in version order', async () => {
    await fc.assert(
      fc.asyncProperty(writerScripts(12), async (scripts) => {
        assert.deepEqual(await faultsUnderWriters(relayReader, scripts), []);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  for (const [name, planted] of Object.entries({ 'seq > cursor': seqReader, 'xmin windows': xminReader })) {
    it(`the same check finds the faults of ${name}`, async () => {
      const found: string[] = [];
      const scripts = fc.sample(writerScripts(12), 20);
      for (const script of scripts) {
        found.push(...(await faultsUnderWriters(planted, script)));
        if (found.length > 0) break;
      }
      assert.notDeepEqual(found, []);
    });
  }

  describe('a transaction that took its number first commits last', () => {
    async function read(makeReader: MakeReader): Promise<string[]> {
      const schema = await newOutbox();
      const reader = makeReader(db, schema);
      const early = await db.transaction();
      const ids = await writeEvents(early, schema, 0, 1);
      ids.push(...(await db.transaction((late) => writeEvents(late, schema, 1, 1))));
      await reader.poll();
      await early.commit();
      await reader.poll();
      await reader.stop();
      return faultsOf(reader.read, new Set(ids));
    }

    it('is published', async () => {
      assert.deepEqual(await read(relayReader), []);
    });
    it('is missed by seq > cursor', async () => {
      assert.match((await read(seqReader)).join(), /^missing/);
    });
  });

  describe('a transaction with an old id writes an aggregate after one with a newer id', () => {
    async function read(makeReader: MakeReader): Promise<string[]> {
      const schema = await newOutbox();
      const reader = makeReader(db, schema);
      const [oldest, open] = [await db.transaction(), await db.transaction()];
      const ids = await writeEvents(oldest, schema, 1, 1);
      ids.push(...(await writeEvents(open, schema, 2, 1)));
      ids.push(...(await db.transaction((newest) => writeEvents(newest, schema, 0, 1))));
      ids.push(...(await writeEvents(oldest, schema, 0, 1)));
      await oldest.commit();
      await reader.poll();
      await open.commit();
      await reader.poll();
      await reader.stop();
      return faultsOf(reader.read, new Set(ids));
    }

    it('keeps its order', async () => {
      assert.deepEqual(await read(relayReader), []);
    });
    it('loses it with xmin windows', async () => {
      assert.deepEqual(await read(xminReader), ['aggregate-0 in the order 2,1']);
    });
  });

  it('an open transaction elsewhere holds nothing up', async () => {
    const schema = await newOutbox();
    const elsewhere = await db.transaction();
    await elsewhere.raw('select pg_current_xact_id()');
    const reader = relayReader(db, schema);
    const ids = await db.transaction((trx) => writeEvents(trx, schema, 0, 3));
    await reader.poll();
    assert.deepEqual(
      reader.read.map(({ id }) => id),
      ids,
    );
    await reader.stop();
    await elsewhere.rollback();
  });
});
