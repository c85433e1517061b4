import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Knex } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { createTopology, PARTITIONS, type Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { tablesOf } from '../../../projections/kit/projection.ts';
import { columnOf } from '../../../projections/kit/table.ts';
import { projections } from '../../../projections/projections.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { testMessaging } from '../../support/messaging.ts';
import { createProcesses, entryPoints, type Processes } from '../../support/processes.ts';
import { applyEvents } from '../../support/projections.ts';
import { natsUrl, testDataDir } from '../../support/servers.ts';
import { appliedSequence, contentsOf } from '../../support/tables.ts';
import { messageOf } from '../../support/stream.ts';

const names = ['first', 'second', 'third'] as const;
type Name = (typeof names)[number];

/** A lease lasts 5 s and the others poll four times a second; the rest is for a busy machine. */
const TAKEN_OVER_MS = 30_000;

describe('projector processes', () => {
  let database: TestDatabase;
  let expected: TestDatabase;
  let db: Knex;
  let messaging: Messaging;
  let topology: Topology;
  let processes: Processes<Name>;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    [database, expected] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    db = database.db;
    const prefix = `projectors-${newId()}-`;
    topology = createTopology(prefix);
    await ensureStream(messaging.require(), topology);
    processes = await createProcesses(
      Object.fromEntries(names.map((name) => [name, entryPoints.projector])) as Record<Name, string>,
      {
        logDir: join(await testDataDir(), 'logs', prefix),
        env: {
          DATABASE_URL: database.url,
          NATS_URL: await natsUrl(),
          STREAM_PREFIX: prefix,
          PROJECTION_PAGE_SIZE: '10',
        },
      },
    );
  });
  afterEach(async () => {
    await processes.stopAll();
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    await Promise.all([database.drop(), expected.drop()]);
  });

  /** Orders of all kinds, the events of which mix as they do when sagas run side by side. */
  function someOrders(count: number): OrderEvent[] {
    const kinds = Object.values(stories);
    return Array.from({ length: count }, (_, index) => orderHistory(kinds[index % kinds.length] ?? []))
      .flat()
      .sort((a, b) => a.aggregateVersion - b.aggregateVersion);
  }

  const published: OrderEvent[] = [];
  beforeEach(() => {
    published.length = 0;
  });
  async function publish(events: readonly OrderEvent[]): Promise<number> {
    published.push(...events);
    const { lastSequence } = await publishInOrder(
      messaging.require(),
      events.map((event) => messageOf(topology, event)),
    );
    return lastSequence;
  }
  const untilApplied = (sequence: number, withinMs = 20_000): Promise<true> =>
    eventually(async () => ((await appliedSequence(db)) >= sequence ? true : undefined), {
      what: `message ${sequence} is applied in all partitions`,
      withinMs,
    });
  const untilSharedAs = (...shares: number[]): Promise<true> =>
    eventually(
      async () => {
        const { rows } = await db.raw<{ rows: { partitions: number }[] }>(
          `select cast(count(*) as integer) as partitions from read.checkpoints
           where owner is not null group by owner order by 1 desc`,
        );
        return rows.map(({ partitions }) => partitions).join() === shares.join() || undefined;
      },
      { what: `partitions are shared ${shares.join(' and ')}` },
    );

  /** What one fold of all events leaves; its partitions are the same ones. */
  async function assertAsFoldedOnce(): Promise<void> {
    await applyEvents(expected.db, published);
    const tables = projections.flatMap(tablesOf).map(({ name }) => `read.${name}`);
    const rowsIn = async (of: Knex): Promise<Record<string, string[]>> => {
      const contents = await contentsOf(of, tables);
      // A sum that has gone back to nothing may be there or not.
      return Object.fromEntries(
        Object.entries(contents).map(([table, rows]) => [table, rows.filter((row) => !isAllZero(row))]),
      );
    };
    assert.deepEqual(await rowsIn(db), await rowsIn(expected.db));
  }

  for (const point of ['before the commit of a page', 'after the commit of a page'])
    it(`one that dies ${point} leaves what one that does not leaves`, async () => {
      await processes.start('first', {
        imports: ['./test/fault/crash-points.mjs'],
        env: { CRASH_POINT: point, CRASH_AFTER_MS: '0' },
      });
      const last = await publish(someOrders(10));
      assert.equal((await processes.exited('first'))?.signal, 'SIGKILL');
      assert.ok((await appliedSequence(db)) < last);
      await processes.start('second');
      await untilApplied(last);
      await assertAsFoldedOnce();
    });

  it('a third one gets its share, and what one had that is killed goes to the others when its lease has run out', async () => {
    await Promise.all([processes.start('first'), processes.start('second')]);
    await untilSharedAs(4, 4);
    await untilApplied(await publish(someOrders(10)));
    await processes.start('third');
    await untilSharedAs(3, 3, 2);
    const last = await publish(someOrders(30));
    await processes.kill('first');
    await untilApplied(last, TAKEN_OVER_MS);
    await untilSharedAs(4, 4);
    await processes.kill('second');
    await untilApplied(await publish(someOrders(10)), TAKEN_OVER_MS);
    await untilSharedAs(PARTITIONS);
    await assertAsFoldedOnce();
  });

  it('one that is paused in the middle of a page loses it to the others, and writes nothing when it goes on', async () => {
    await processes.start('first', {
      imports: ['./test/fault/crash-points.mjs'],
      env: { CRASH_POINT: 'before the commit of a page', CRASH_AFTER_MS: '0', CRASH_BY: 'SIGSTOP' },
    });
    const last = await publish(someOrders(20));
    await eventually(
      async () => {
        const { rows } = await db.raw<{ rows: unknown[] }>(
          `select from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction'
             and application_name = 'durable-orders-projector' and state_change < now() - interval '500 ms'`,
        );
        return rows.length > 0 || undefined;
      },
      { what: 'it holds a page open' },
    );
    await processes.start('second', { until: 'alive' });
    await untilApplied(last, TAKEN_OVER_MS);
    await assertAsFoldedOnce();
    const pid = processes.pidOf('first');
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGCONT');
    await untilSharedAs(4, 4);
    await untilApplied(await publish(someOrders(10)));
    await assertAsFoldedOnce();
  });
});

const keys = new Set(projections.flatMap(tablesOf).flatMap(({ key }) => key.map(columnOf)));

const isAllZero = (row: string): boolean => {
  const fields = JSON.parse(row) as Record<string, unknown>;
  const numbers = Object.entries(fields).filter(
    ([name, value]) => typeof value === 'number' && !keys.has(name),
  );
  return 'partition' in fields && numbers.every(([, value]) => value === 0);
};
