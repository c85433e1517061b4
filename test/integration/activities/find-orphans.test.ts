import assert from 'node:assert/strict';
import { findOrphans, type OrphanPage } from '../../../activities/saga-watch/find-orphans.ts';
import { restartOrphans, type SearchProgress } from '../../../activities/saga-watch/restart-orphans.ts';
import type { SagaRuns } from '../../../activities/saga-watch/saga-runs.ts';
import { createOrderRepository } from '../../../db/order-repository.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import { placeOrder } from '../../../domain/order.ts';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { systemClock } from '../../../platform/clock.ts';
import { newOrder, orderContent, orderHistory, provenance } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

// More than two pages of them.
const ORDERS = 2_100;
const HOUR_MS = 3_600_000;

describe('the search for orders without a saga', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  /** Of orders that were placed an hour ago, in the order of the search. */
  let ids: readonly string[];

  before(async () => {
    database = await createTestDatabase();
    ids = (await placeMany(ORDERS, new Date(Date.now() - HOUR_MS))).sort();
    await passOverBacklog();
  });
  after(() => database.drop());

  async function placeMany(count: number, at: Date): Promise<string[]> {
    const orders = Array.from({ length: count }, () => {
      const order = newOrder();
      const [created] = orderHistory([placeOrder(orderContent)], {
        orderId: order.id,
        startedAt: at.toISOString(),
      });
      return { order, created: created! };
    });
    await placeOrders(database.db, orders);
    return orders.map(({ order }) => order.id);
  }
  /** As if a relay had published all that is in the outbox. */
  const passOverBacklog = (): Promise<unknown> =>
    database.db.raw('update messaging.outbox_cursor set snapshot_from = pg_current_snapshot()');
  const cancel = (id: string): Promise<unknown> =>
    createOrderRepository({ db: database.db, clock: systemClock, nudge: () => undefined }).change(
      id,
      { type: 'CancelOrder', reason: 'OUT_OF_STOCK', detail: 'none left' },
      provenance,
    );

  interface Sagas extends SagaRuns {
    readonly started: string[];
    /** Workflows whose state was asked for one by one. */
    readonly asked: string[];
    /** How many ids each listing named. */
    readonly listings: number[];
  }
  /** All sagas run, but for those of these orders. @param unlisted run as well, and the listing does not show it yet */
  function sagasWithout(lost: readonly string[], unlisted: readonly string[] = []): Sagas {
    const [missing, late] = [lost, unlisted].map((some) => new Set(some.map(orderWorkflowId)));
    const sagas: Sagas = {
      started: [],
      asked: [],
      listings: [],
      listRunning: (workflowIds) => {
        sagas.listings.push(workflowIds.length);
        return Promise.resolve(new Set(workflowIds.filter((id) => !missing!.has(id) && !late!.has(id))));
      },
      stateOf: (workflowId) => {
        sagas.asked.push(workflowId);
        return Promise.resolve(missing!.has(workflowId) ? 'TERMINATED' : 'RUNNING');
      },
      start: (_saga, order) => {
        sagas.started.push(order.id);
        return Promise.resolve(true);
      },
    };
    return sagas;
  }
  const search = (sagas: SagaRuns, more: { orphanAfterMs?: number; after?: string } = {}) =>
    findOrphans(
      { db: database.db, clock: systemClock, sagas, orphanAfterMs: more.orphanAfterMs ?? 60_000 },
      more.after,
    );
  async function all(pages: AsyncIterable<OrphanPage>): Promise<{ examined: number; orphans: string[] }> {
    const found = { examined: 0, orphans: [] as string[] };
    for await (const { examined, orphans } of pages) {
      found.examined += examined;
      found.orphans.push(...orphans.map(({ order }) => order.id));
    }
    return { ...found, orphans: found.orphans.sort() };
  }

  it('examines every open order once, a page at a time, and asks one by one only for those that are not listed', async () => {
    const lost = [ids[0]!, ids[1_500]!, ids.at(-1)!];
    const sagas = sagasWithout(lost, [ids[7]!]);
    assert.deepEqual(await all(search(sagas)), { examined: ORDERS, orphans: lost });
    assert.deepEqual(sagas.listings, [1_000, 1_000, 100]);
    assert.deepEqual(sagas.asked.sort(), [...lost, ids[7]!].map(orderWorkflowId).sort());
  });

  it('reads open orders by their index, not those that have ended', async () => {
    const { rows } = await database.db.transaction(async (trx) => {
      await trx.raw('set local enable_seqscan = off');
      return trx.raw<{ rows: { 'QUERY PLAN': string }[] }>(
        `explain select id, status, version from orders.orders
         where status not in ('CANCELLED', 'REFUNDED', 'DELIVERED') and updated_at < now() and id > ?
         order by id limit 1000`,
        [ids[0]!],
      );
    });
    assert.match(rows.map((row) => row['QUERY PLAN']).join('\n'), /Index Scan (using|on) orders_open/);
  });

  it('leaves an order alone that changed within the time it is given', async () => {
    const orphanAfterMs = 2 * HOUR_MS;
    assert.deepEqual(await all(search(sagasWithout(ids), { orphanAfterMs })), { examined: 0, orphans: [] });
  });

  it('leaves orders alone whose events the relay has not published yet', async () => {
    const [late] = await placeMany(1, new Date(Date.now() - HOUR_MS));
    // The outbox notes when a row was written, which is now; the order says that it changed an hour ago.
    const held = await all(search(sagasWithout([late!]), { orphanAfterMs: HOUR_MS - 1_000 }));
    await database.db.raw(
      "update messaging.outbox set created_at = created_at - interval '1 minute' where aggregate_id = ?",
      [late!],
    );
    const behind = await all(search(sagasWithout([late!]), { orphanAfterMs: HOUR_MS - 1_000 }));
    assert.deepEqual([held.orphans, behind.orphans], [[late], []]);
    await passOverBacklog();
    await cancel(late!);
    await passOverBacklog();
  });

  it('leaves an order alone that ended while its saga was asked for', async () => {
    const [ending] = await placeMany(1, new Date(Date.now() - HOUR_MS));
    await passOverBacklog();
    const sagas = sagasWithout([ending!]);
    const found = await all(
      search({
        ...sagas,
        stateOf: async (workflowId) => {
          await cancel(ending!);
          return sagas.stateOf(workflowId);
        },
      }),
    );
    assert.deepEqual(found.orphans, []);
    assert.deepEqual(sagas.asked, [orderWorkflowId(ending!)]);
    await passOverBacklog();
  });

  it('starts each orphan once, reports how far it is, and resumes there after an interruption', async () => {
    const lost = [ids[3]!, ids[1_200]!, ids[2_050]!];
    const sagas = sagasWithout(lost);
    const deps = {
      ...{ db: database.db, clock: systemClock, orphanAfterMs: 60_000 },
      provenanceFor: () => Promise.resolve(provenance),
      onRestarted: () => undefined,
      onFailed: () => undefined,
    };
    const interruption = new Error('the worker died');
    let reached: SearchProgress | undefined;
    const first = restartOrphans({ ...deps, sagas }, undefined, (progress) => {
      reached = progress;
      throw interruption;
    });
    await assert.rejects(first, interruption);
    assert.deepEqual(sagas.started, [ids[3]]);
    const report = await restartOrphans({ ...deps, sagas }, reached);
    assert.deepEqual(sagas.started, lost);
    assert.deepEqual(report, { examined: ORDERS, orphaned: { TERMINATED: 3 }, restarted: 3, failed: 0 });
  });

  it('goes on when a saga cannot be started, and says which', async () => {
    const lost = [ids[3]!, ids[4]!];
    const sagas = sagasWithout(lost);
    const failed: string[] = [];
    const report = await restartOrphans({
      ...{ db: database.db, clock: systemClock, orphanAfterMs: 60_000 },
      provenanceFor: () => Promise.resolve(provenance),
      sagas: {
        ...sagas,
        start: (saga, order, cause) =>
          order.id === lost[0] ? Promise.reject(new Error('no')) : sagas.start(saga, order, cause),
      },
      onRestarted: () => undefined,
      onFailed: (_error, { orderId }) => failed.push(orderId),
    });
    assert.deepEqual([failed, sagas.started], [[lost[0]], [lost[1]]]);
    assert.deepEqual([report.restarted, report.failed], [1, 1]);
  });
});
