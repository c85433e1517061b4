import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { examineSagas } from '../../../activities/saga-watch/examine-sagas.ts';
import type { RunningSaga, SagaTasks, TaskFailure } from '../../../activities/saga-watch/saga-tasks.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import {
  addFailingSagas,
  knownFailing,
  recordSagaHealth,
  sagaHealthSummary,
  takeExaminationTurn,
} from '../../../db/saga-health.ts';
import type { Knex } from '../../../db/connection.ts';
import type { FailingSaga, SagaHealth } from '../../../domain/saga-health.ts';
import { placeOrder } from '../../../domain/order.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../../domain/topology.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/logger.ts';
import { createSagaHealthReport } from '../../../worker/saga-health-metrics.ts';
import { newOrder, orderContent, orderHistory, sagaSettings } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const MINUTE_MS = 60_000;
const { deadlines } = sagaSettings();
const ago = (ms: number): Date => new Date(Date.now() - ms);
const bug: TaskFailure = { cause: 'WORKFLOW_BUG', attempts: 4, since: ago(5 * MINUTE_MS) };

describe('the examination of all sagas', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
  });
  after(() => database.drop());
  beforeEach(() => db.raw('truncate orders.orders, orders.order_lines'));

  /** An order that has been as its columns say for so long. */
  async function orderAt(columns: object, unchangedMs: number): Promise<string> {
    const order = newOrder();
    const [created] = orderHistory([placeOrder(orderContent)], { orderId: order.id });
    await placeOrders(db, [{ order, created: created! }]);
    await db('orders.orders')
      .where({ id: order.id })
      .update({ ...columns, updated_at: ago(unchangedMs) });
    return order.id;
  }
  const reserved = { status: 'RESERVED', inventory: 'RESERVED' };
  const paid = { ...reserved, status: 'PAID', payment: 'CHARGED' };

  /** All sagas run, for a month, but for those that are named. */
  const tasks = (
    sagas: Readonly<Record<string, Partial<RunningSaga> | undefined>> = {},
    reported: readonly string[] = [],
  ): SagaTasks => ({
    reportedFailing: () => Promise.resolve(reported),
    workflowsOf: () => Promise.resolve([]),
    inspect: (workflowId) => {
      if (workflowId in sagas && !sagas[workflowId]) return Promise.resolve(undefined);
      return Promise.resolve({ startedAt: ago(30 * 24 * 60 * MINUTE_MS), ...sagas[workflowId] });
    },
  });
  const examine = (port: SagaTasks, suspects: readonly string[] = []): Promise<SagaHealth> =>
    examineSagas({ db, tasks: port, clock: systemClock, deadlines }, suspects);

  it('lists sagas that are older than their step expects as slow, with step and since when', async () => {
    const completing = await orderAt(paid, 2 * MINUTE_MS);
    const charging = await orderAt(reserved, deadlines.paymentMs + 2 * MINUTE_MS);
    const waiting = await orderAt({ approval: 'REQUESTED' }, deadlines.approvalMs + 2 * MINUTE_MS);
    const compensating = await orderAt({ ...reserved, undo_began_at: ago(2 * MINUTE_MS) }, 3 * MINUTE_MS);
    // Each of these is where it should be.
    await orderAt(paid, MINUTE_MS / 2);
    await orderAt(reserved, deadlines.paymentMs / 2);
    await orderAt({ approval: 'REQUESTED' }, deadlines.approvalMs - MINUTE_MS);
    await orderAt({ ...reserved, undo_began_at: ago(MINUTE_MS / 2) }, deadlines.paymentMs * 2);
    const { failing, slow } = await examine(tasks());
    assert.deepEqual(failing, []);
    const found = Object.fromEntries(
      slow.map(({ orderId, saga, step, expectedMs }) => [orderId, [saga, step, expectedMs]]),
    );
    assert.deepEqual(found, {
      [completing]: ['order', 'complete order', MINUTE_MS],
      [charging]: ['order', 'charge payment', deadlines.paymentMs + MINUTE_MS],
      [waiting]: ['order', 'wait for approval', deadlines.approvalMs + MINUTE_MS],
      [compensating]: ['order', 'compensate', MINUTE_MS],
    });
    const { since } = slow.find(({ orderId }) => orderId === compensating)!;
    assert.ok(Math.abs(since.getTime() - ago(2 * MINUTE_MS).getTime()) < 10_000, since.toISOString());
  });

  it('does not call a saga slow that is stuck, lost or was just started again', async () => {
    await orderAt(
      { ...paid, stuck_cause: 'refundPayment: FAILED', stuck_workflow: 'order-1' },
      60 * MINUTE_MS,
    );
    const lost = orderWorkflowId(await orderAt(paid, 2 * MINUTE_MS));
    const again = orderWorkflowId(await orderAt(paid, 2 * MINUTE_MS));
    const { slow } = await examine(tasks({ [lost]: undefined, [again]: { startedAt: ago(1_000) } }));
    assert.deepEqual(slow, []);
  });

  it('lists a saga that fails whoever knows of it: the server, a worker, the examination before, or its age alone', async () => {
    const ids = [
      await orderAt(paid, 1_000),
      await orderAt(paid, 1_000),
      await orderAt(paid, 2 * MINUTE_MS),
      await orderAt({ ...paid, status: 'COMPLETED', shipment: 'BOOKED' }, 1_000),
    ];
    const [byServer, byWorker, byAge, shipped] = ids as [string, string, string, string];
    const workflows = {
      [orderWorkflowId(byServer)]: { failure: bug },
      [orderWorkflowId(byWorker)]: { failure: { ...bug, cause: 'NONDETERMINISM' as const } },
      [orderWorkflowId(byAge)]: { failure: bug },
      // The order saga of an order that has gone on.
      [orderWorkflowId(shipped)]: { failure: bug },
      [shipmentWorkflowId(shipped)]: { failure: bug },
    };
    const suspects = [byWorker, byServer, shipped].map(orderWorkflowId);
    const reported = [orderWorkflowId(byServer), shipmentWorkflowId(shipped), 'outbox-relay-0'];
    const { failing, slow } = await examine(tasks(workflows, reported), suspects);
    assert.deepEqual(slow, []);
    assert.deepEqual(failing.map(({ workflowId, step, cause }) => [workflowId, step, cause]).sort(), [
      ...[
        [orderWorkflowId(byServer), 'complete order', 'WORKFLOW_BUG'],
        [orderWorkflowId(byWorker), 'complete order', 'NONDETERMINISM'],
        [orderWorkflowId(byAge), 'complete order', 'WORKFLOW_BUG'],
        [orderWorkflowId(shipped), 'end', 'WORKFLOW_BUG'],
        [shipmentWorkflowId(shipped), 'wait until the parcel has left', 'WORKFLOW_BUG'],
      ].sort(),
    ]);
  });

  it('leaves out a suspect whose task has succeeded since, and one that has ended', async () => {
    const [mended, ended] = [await orderAt(paid, 1_000), await orderAt(paid, 1_000)].map(orderWorkflowId);
    const { failing } = await examine(tasks({ [ended!]: undefined }), [mended!, ended!]);
    assert.deepEqual(failing, []);
  });

  describe('what it has found', () => {
    const now = (): Date => new Date();
    const memoryLogger = () => {
      const entries: Record<string, unknown>[] = [];
      const write = (line: string): number => entries.push(JSON.parse(line) as Record<string, unknown>);
      return { logger: createLogger('test', 'info', { write }), entries };
    };
    const failingSaga = (orderId = newId()): FailingSaga => ({
      ...{ workflowId: orderWorkflowId(orderId), orderId, saga: 'order', step: 'charge payment', ...bug },
    });

    it('replaces what the one before had found, and counts for metrics and readiness of every worker', async () => {
      const { logger, entries } = memoryLogger();
      const registry = new Registry();
      const report = createSagaHealthReport({ registry, logger, clock: systemClock, readDb: db });
      assert.doesNotMatch(await registry.metrics(), /^sagas_failing\{|^saga_examination_last/m);
      await report.check();

      const stays = failingSaga();
      const slow = { ...failingSaga(), step: 'complete order', expectedMs: MINUTE_MS };
      const { cause: _cause, attempts: _attempts, ...slowSaga } = slow;
      await recordSagaHealth(db, { failing: [stays, failingSaga()], slow: [slowSaga] }, now());
      await addFailingSagas(db, [{ ...stays, attempts: 5 }]);
      const metrics = await registry.metrics();
      assert.match(metrics, /^sagas_failing\{cause="WORKFLOW_BUG"\} 2$/m);
      assert.match(metrics, /^sagas_failing\{cause="NONDETERMINISM"\} 0$/m);
      assert.match(metrics, /^sagas_slow\{saga="order",step="complete order"\} 1$/m);
      assert.match(metrics, /^saga_examination_last_success_timestamp_seconds \d+/m);
      await assert.rejects(
        report.check(),
        /^NotReady: sagas fail in their workflow code: 2 with WORKFLOW_BUG;/,
      );
      assert.equal((await knownFailing(db, 10)).length, 2);

      const beganAt = now();
      const since = failingSaga();
      await addFailingSagas(db, [since]);
      await recordSagaHealth(db, { failing: [], slow: [] }, beganAt);
      assert.deepEqual(await knownFailing(db, 10), [since.workflowId], 'found while it was examined');
      await recordSagaHealth(db, { failing: [], slow: [] }, now());
      await report.check();
      assert.match(await registry.metrics(), /^sagas_failing\{cause="WORKFLOW_BUG"\} 0$/m);
      assert.doesNotMatch(await registry.metrics(), /^sagas_slow\{/m);
      assert.deepEqual((await sagaHealthSummary(db))?.slow, []);
      assert.deepEqual(entries, []);
    });

    it('is logged once per saga in a while, with order, cause and what to do; of many, some and their number', () => {
      const { logger, entries } = memoryLogger();
      let time = Date.now();
      const clock = { now: () => new Date(time) };
      const report = createSagaHealthReport({ registry: new Registry(), logger, clock, readDb: db });
      const saga = failingSaga();
      report.onFailing([saga]);
      report.onFailing([saga]);
      assert.equal(entries.length, 1);
      const { level, orderId, cause, advice } = entries[0]!;
      assert.deepEqual([level, orderId, cause], ['error', saga.orderId, 'WORKFLOW_BUG']);
      assert.match(String(advice), /deploy a release that mends it/);
      time += 16 * MINUTE_MS;
      report.onFailing([saga]);
      assert.equal(entries.length, 2);
      report.onFailing(Array.from({ length: 30 }, () => failingSaga()));
      assert.equal(entries.length, 2 + 20 + 1);
      assert.equal(entries.at(-1)?.['more'], 10);
    });
  });

  it('is made by one worker in each interval, also when another one examined less often', async () => {
    await db('read.saga_examination').update({ due_at: new Date() });
    const turns = await Promise.all(Array.from({ length: 5 }, () => takeExaminationTurn(db, MINUTE_MS)));
    assert.equal(turns.filter(Boolean).length, 1);
    await db('read.saga_examination').update({ due_at: new Date(Date.now() + 24 * 60 * MINUTE_MS) });
    assert.ok(await takeExaminationTurn(db, MINUTE_MS));
    assert.equal(await takeExaminationTurn(db, MINUTE_MS), undefined);
  });
});
