import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { Knex } from '../../db/connection.ts';
import { append, type OutboxEvent } from '../../db/outbox/append.ts';
import { newId } from '../../platform/clock.ts';

/** One write to one aggregate inside a transaction. */
interface Write {
  readonly aggregate: number;
  /** Inside a savepoint that is kept or rolled back, or in none. */
  readonly savepoint: 'none' | 'kept' | 'undone';
  readonly events: number;
}

export interface WriterTransaction {
  /** Before the first write, in ms. */
  readonly startDelay: number;
  readonly writes: readonly Write[];
  /** Between the last write and the commit, in ms: a late commit. */
  readonly commitDelay: number;
  readonly aborts: boolean;
}

const AGGREGATES = 5;

const write = fc.record({
  aggregate: fc.nat({ max: AGGREGATES - 1 }),
  savepoint: fc.constantFrom('none', 'none', 'kept', 'undone'),
  events: fc.integer({ min: 1, max: 3 }),
});
const transaction = fc.record({
  startDelay: fc.nat({ max: 8 }),
  // In one order everywhere, so that writers wait for each other and do not deadlock.
  writes: fc
    .uniqueArray(write, { selector: ({ aggregate }) => aggregate, minLength: 1, maxLength: 3 })
    .map((writes) => writes.sort((a, b) => a.aggregate - b.aggregate)),
  commitDelay: fc.oneof(fc.constant(0), fc.nat({ max: 25 })),
  aborts: fc.integer({ min: 1, max: 6 }).map((dice) => dice === 1),
});

/** What concurrent writers do: late commits, aborts, savepoints, several transactions per aggregate. */
export const writerScripts = (writers: number): fc.Arbitrary<WriterTransaction[][]> =>
  fc.array(fc.array(transaction, { minLength: 3, maxLength: 10 }), {
    minLength: writers,
    maxLength: writers,
  });

export async function createAggregates(db: Knex, schema: string): Promise<void> {
  await db.raw('create table ??.aggregates (id text primary key, version integer not null)', [schema]);
  await db
    .withSchema(schema)
    .table('aggregates')
    .insert(Array.from({ length: AGGREGATES }, (_, index) => ({ id: `aggregate-${index}`, version: 0 })));
}

/** Runs all writers at once. @returns ids of the events that were committed. */
export async function runWriters(
  db: Knex,
  schema: string,
  scripts: readonly WriterTransaction[][],
  shards = 1,
): Promise<Set<string>> {
  const committed = new Set<string>();
  await Promise.all(
    scripts.map(async (transactions) => {
      for (const script of transactions) {
        for (const id of await runTransaction(db, schema, script, shards)) committed.add(id);
      }
    }),
  );
  return committed;
}

/** @returns ids of the events, none when it was to abort. @throws when it is unknown whether they were committed */
export async function runTransaction(
  db: Knex,
  schema: string,
  script: WriterTransaction,
  shards: number,
): Promise<string[]> {
  const trx = await db.transaction();
  try {
    const ids = await writeScript(trx, schema, script, shards);
    if (script.aborts) {
      await trx.rollback();
      return [];
    }
    await trx.commit();
    // Knex's commit also resolves when it has failed; this does not.
    await trx.executionPromise;
    return ids;
  } catch (error) {
    // Gives the connection back, which may be broken.
    await trx.rollback().catch(() => undefined);
    throw error;
  }
}

async function writeScript(
  trx: Knex.Transaction,
  schema: string,
  script: WriterTransaction,
  shards: number,
): Promise<string[]> {
  const ids: string[] = [];
  await pause(script.startDelay);
  for (const { aggregate, savepoint, events } of script.writes) {
    if (savepoint === 'none') {
      ids.push(...(await writeEvents(trx, schema, aggregate, events, shards)));
      continue;
    }
    const nested = await trx.transaction();
    const written = await writeEvents(nested, schema, aggregate, events, shards);
    if (savepoint === 'kept') {
      await nested.commit();
      await nested.executionPromise;
      ids.push(...written);
    } else {
      await nested.rollback();
    }
  }
  await pause(script.commitDelay);
  return ids;
}

/** An event of shard 0 that no application wrote. */
export const outboxEvent = (
  aggregateId: string,
  aggregateVersion: number,
  payload: unknown = {},
): OutboxEvent => ({
  id: newId(),
  shard: 0,
  aggregateType: 'order',
  aggregateId,
  aggregateVersion,
  eventType: 'Tested',
  payload,
  headers: {},
});

/** Locks the aggregate's row by counting its versions up, then appends, as the application does. */
export async function writeEvents(
  trx: Knex.Transaction,
  schema: string,
  aggregate: number,
  count: number,
  shards = 1,
): Promise<string[]> {
  const aggregateId = `aggregate-${aggregate}`;
  const { rows } = await trx.raw<{ rows: { version: number }[] }>(
    'update ??.aggregates set version = version + ? where id = ? returning version',
    [schema, count, aggregateId],
  );
  const last = rows[0]?.version ?? 0;
  const events = Array.from({ length: count }, (_, index) => ({
    id: newId(),
    shard: aggregate % shards,
    aggregateType: 'test',
    aggregateId,
    aggregateVersion: last - count + 1 + index,
    eventType: 'Happened',
    payload: {},
    headers: {},
  }));
  await append(trx, events, { schema });
  return events.map(({ id }) => id);
}
