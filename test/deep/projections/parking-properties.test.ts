import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { createTopology, PARTITIONS } from '../../../domain/topology.ts';
import { applyPage } from '../../../projections/kit/apply-page.ts';
import { tablesOf } from '../../../projections/kit/projection.ts';
import { createTable } from '../../../projections/kit/statements.ts';
import { decideParkedEvents } from '../../../projections/parking/decisions.ts';
import { projections } from '../../../projections/projections.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { faultyProjections, type Fault } from '../../support/faulty-projections.ts';
import { messageOf, parkedRows, parkingOfMessages } from '../../support/parked.ts';

type Kind = Fault | 'unreadable' | undefined;
const RUNS = 25;

describe('parking, whatever fails in whichever order', () => {
  const topology = createTopology();
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const tables = projections.flatMap(tablesOf);
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    for (const table of tables)
      for (const statement of createTable('read_next', table)) await db.raw(statement);
  });
  after(() => database.drop());

  /** Rows of figures that are all zero left out: nothing was added, or it was taken away again. */
  async function contentsIn(schema: string): Promise<string[]> {
    const contents: string[] = [];
    for (const { name } of tables) {
      const { rows } = await db.raw<{ rows: { row: string }[] }>(
        'select cast(to_jsonb(t) as text) as row from ?? t order by 1',
        [`${schema}.${name}`],
      );
      contents.push(...rows.map(({ row }) => row).filter((row) => !row.includes('"orders": 0')));
    }
    return contents;
  }
  async function expected(events: readonly OrderEvent[]): Promise<string[]> {
    for (const { name } of tables) await db.raw('truncate ??', [`read_next.${name}`]);
    await db.transaction((trx) => applyPage(trx, projections, events, { schema: 'read_next' }));
    return contentsIn('read_next');
  }

  const kind = fc.option(fc.constantFrom<Exclude<Kind, undefined>>('throws', 'row', 'unreadable'), {
    nil: undefined,
    freq: 4,
  });
  const story = fc.constantFrom(stories.completed, stories.refunded, stories.outOfStock, stories.lost);
  const order = story.chain((facts) =>
    fc.record({ facts: fc.constant(facts), faults: fc.tuple(...facts.map(() => kind)) }),
  );
  const given = fc.record({
    orders: fc.array(order, { minLength: 1, maxLength: 6 }),
    /** Which order's next event comes next. */
    picks: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
    pageSize: fc.integer({ min: 1, max: 20 }),
  });

  it('the others are as the fold has them, the parked ones as before their event, and after a retry all are whole', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ({ orders, picks, pageSize }) => {
        for (const name of [...tables.map((table) => table.name), 'parked_events'])
          await db.raw('truncate ??', [`read.${name}`]);
        const histories = orders.map(({ facts }) => orderHistory(facts));
        const kinds = new Map(
          histories.flatMap((events, n) =>
            events.map((event, at): [OrderEvent, Kind] => [event, orders[n]?.faults[at]]),
          ),
        );
        const stream = interleaved(histories, picks);
        const faults = new Map<string, Fault>();
        for (const [{ id }, each] of kinds) if (each === 'throws' || each === 'row') faults.set(id, each);
        const broken = await parkingOfMessages({
          db,
          projections: faultyProjections(faults),
          topology,
          partitions,
        });
        const messages = stream.map((event, index) =>
          kinds.get(event) === 'unreadable'
            ? messageOf(topology, index + 1, event, JSON.stringify({ ...event, schemaVersion: 99 }))
            : messageOf(topology, index + 1, event),
        );
        for (let at = 0; at < messages.length; at += pageSize)
          await broken.apply(messages.slice(at, at + pageSize), 'first', () => Promise.resolve());

        const failing = new Map(
          histories.map((events) => [events, events.findIndex((event) => kinds.get(event) !== undefined)]),
        );
        const whole = [...failing].flatMap(([events, at]) => (at < 0 ? events : events.slice(0, at)));
        assert.deepEqual(await contentsIn('read'), await expected(whole));
        const heads = (await parkedRows(db)).filter(({ state }) => state === 'PARKED');
        assert.deepEqual(
          heads.map(({ aggregateId }) => aggregateId).sort(),
          [...failing].flatMap(([events, at]) => (at < 0 ? [] : (events[0]?.aggregateId ?? []))).sort(),
        );

        // The release that can read version 99 is this one, once the bodies are what they should be.
        for (const event of stream)
          await db('read.parked_events')
            .where({ event_id: event.id })
            .update({ body: Buffer.from(JSON.stringify(event)) });
        const fixed = await parkingOfMessages({ db, projections, topology, partitions });
        for (const [events] of failing)
          await decideParkedEvents(db, { aggregateId: events[0]?.aggregateId ?? '' }, 1, {
            action: 'retry',
            operator: 'ada',
            reason: 'fixed',
          });
        await fixed.carryOutDecisions(() => Promise.resolve());
        assert.deepEqual(await parkedRows(db), []);
        assert.deepEqual(await contentsIn('read'), await expected(stream));
      }),
      { numRuns: RUNS },
    );
  });
});

/** One stream of all events, each order's in its order. */
function interleaved(histories: readonly OrderEvent[][], picks: readonly number[]): OrderEvent[] {
  const left = histories.map((events) => [...events]);
  const stream: OrderEvent[] = [];
  for (const pick of picks) {
    const open = left.filter((events) => events.length > 0);
    const next = open[pick % Math.max(1, open.length)]?.shift();
    if (next) stream.push(next);
  }
  return stream;
}
