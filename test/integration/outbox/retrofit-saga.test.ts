import assert from 'node:assert/strict';
import { join } from 'node:path';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { eventually } from '../../support/eventually.ts';
import { MemoryPayments } from '../../support/memory-payments.ts';
import { openShop, type RetrofittedShop } from '../../support/retrofitted-shop.ts';
import { startSagaWorker, type SagaWorker } from '../../support/saga-worker.ts';
import { importOrders } from './retrofit/captured.ts';
import { install } from './retrofit/install.ts';
import { createShopActivities, type PlacedOrder } from './retrofit/saga-activities.ts';
import { startSagas } from './retrofit/saga-starter.ts';
import type { orderSaga } from './retrofit/saga.ts';
import { setAsideTable } from './retrofit/stock.ts';
import { cancelOrder, payOrder, placeOrder } from './retrofit/wrapped.ts';

const STARTER = 'order-sagas';

describe('the saga of a retrofitted application', function () {
  this.timeout(60_000);
  let shop: RetrofittedShop;
  let worker: SagaWorker;
  let payments: MemoryPayments;
  /** Throw to lose the answer. */
  let afterMarkPaid: () => Promise<void>;
  let paidBefore: string;

  before(async function () {
    this.timeout(300_000);
    shop = await openShop();
    const { db, client, pool, topology, messaging, onFailure } = shop;
    await install(db);
    await importOrders(db);
    await client.query(setAsideTable);
    paidBefore = await placeOrder(db, 'Barbara', 'map', 990);
    await payOrder(client, paidBefore);
    const steps = createShopActivities({
      pool,
      payments: { charge: (...of) => payments.charge(...of), refund: (key) => payments.refund(key) },
    });
    worker = await startSagaWorker(
      () =>
        bundleWorkflowCode({
          workflowsPath: join(import.meta.dirname, 'retrofit/saga.ts'),
          logger: new DefaultLogger('ERROR'),
        }),
      { ...steps, markPaid: (order: PlacedOrder) => steps.markPaid(order).then(() => afterMarkPaid()) },
      {},
    );
    shop.startRelays();
    await shop.startList();
    shop.start((signal) =>
      startSagas({ ...worker, pool, messaging, topology, durable: STARTER, onFailure }, signal),
    );
    await shop.untilListed();
  });
  after(async () => {
    await worker.close();
    await shop.close();
  });
  beforeEach(() => {
    payments = new MemoryPayments();
    afterMarkPaid = () => Promise.resolve();
  });

  const sagaOf = (id: string): WorkflowHandle<typeof orderSaga> =>
    worker.client.workflow.getHandle<typeof orderSaga>(`order-${id}`);
  const outcomeOf = (id: string): ReturnType<typeof orderSaga> =>
    eventually(() => sagaOf(id).result(), { what: 'the saga ends', withinMs: 40_000 });
  const runOf = async (id: string): Promise<string> => (await sagaOf(id).describe()).runId;

  /** Of an order, in the stream and in the order in which it tells them. */
  const told = async (id: string): Promise<string[]> =>
    (await shop.events()).filter(({ aggregateId }) => aggregateId === id).map(({ type }) => type);
  const statusInList = async (id: string): Promise<unknown> => {
    await shop.untilListed();
    const { rows } = await shop.client.query<{ status: string }>(
      'select status from shop_read.order_list where order_id = $1',
      [id],
    );
    return rows[0]?.status;
  };
  const stepsOf = async (id: string): Promise<unknown[]> =>
    ((await sagaOf(id).fetchHistory()).events ?? []).flatMap(
      ({ activityTaskScheduledEventAttributes: step }) => step?.activityType?.name ?? [],
    );

  let atlases: number;
  beforeEach(async () => {
    atlases = await shop.stockOf('atlas');
  });
  async function assertCancelled(id: string): Promise<void> {
    assert.equal(await statusInList(id), 'CANCELLED');
    assert.deepEqual(await told(id), ['OrderPlaced', 'OrderCancelled']);
    assert.equal(await shop.stockOf('atlas'), atlases);
  }

  it('an order becomes paid, once, although answers get lost and its event comes again and again', async () => {
    let hasLost = false;
    payments.beforeAnswer = async () => {
      if (hasLost) return;
      hasLost = true;
      await shop.repeatFirstEvents();
      await shop.untilHandled(STARTER);
      throw new Error('the connection was lost');
    };
    const id = await placeOrder(shop.db, 'Edsger', 'atlas', 2990);
    assert.deepEqual(await outcomeOf(id), { status: 'PAID' });
    const run = await runOf(id);
    await shop.repeatFirstEvents();
    await shop.untilHandled(STARTER);

    assert.equal(await runOf(id), run);
    assert.deepEqual(payments.movedFor(id), [2990]);
    assert.equal(await shop.stockOf('atlas'), atlases - 1);
    assert.equal(await statusInList(id), 'PAID');
    assert.deepEqual(new Set(await told(id)), new Set(['OrderPlaced', 'OrderPaid']));
  });

  it('an order whose payment is refused is cancelled, and its stock is given back', async () => {
    payments.refuses = true;
    const id = await placeOrder(shop.db, 'Tony', 'atlas', 2990);
    assert.deepEqual(await outcomeOf(id), { status: 'CANCELLED', reason: 'payment refused' });
    await assertCancelled(id);
    assert.deepEqual(payments.movedFor(id), []);
  });

  it('an order of what is out of stock is cancelled, and nothing is charged', async () => {
    const id = await placeOrder(shop.db, 'Donald', 'globe', 1450);
    assert.deepEqual(await outcomeOf(id), { status: 'CANCELLED', reason: 'out of stock' });
    await assertCancelled(id);
    assert.equal(await shop.stockOf('globe'), 0);
    assert.deepEqual(payments.movedFor(id), []);
  });

  it('an order whose payment never answers is cancelled, and what was charged is given back', async () => {
    payments.beforeAnswer = () => Promise.reject(new Error('the provider is away'));
    const id = await placeOrder(shop.db, 'Niklaus', 'atlas', 2990);
    assert.deepEqual(await outcomeOf(id), { status: 'CANCELLED', reason: 'the provider is away' });
    await assertCancelled(id);
    assert.deepEqual(payments.movedFor(id), [2990, -2990]);
    assert.deepEqual(await stepsOf(id), ['setAside', 'takePayment', 'refund', 'giveBack', 'cancelOrder']);
  });

  it('a saga that is cancelled half-way undoes to the end', async () => {
    let id = '';
    payments.beforeAnswer = async () => {
      await sagaOf(id).cancel();
      throw new Error('the provider is away');
    };
    id = await placeOrder(shop.db, 'Kristen', 'atlas', 2990);
    assert.equal((await outcomeOf(id)).status, 'CANCELLED');
    await assertCancelled(id);
    assert.deepEqual(payments.movedFor(id), [2990, -2990]);
  });

  it('a saga that is cancelled while the order may be paid already ends as paid', async () => {
    let id = '';
    afterMarkPaid = async () => {
      afterMarkPaid = () => Promise.resolve();
      await sagaOf(id).cancel();
      throw new Error('the connection was lost');
    };
    id = await placeOrder(shop.db, 'Margaret', 'atlas', 2990);
    assert.deepEqual(await outcomeOf(id), { status: 'PAID' });
    assert.equal(await statusInList(id), 'PAID');
    assert.deepEqual(await told(id), ['OrderPlaced', 'OrderPaid']);
    assert.deepEqual(payments.movedFor(id), [2990]);
  });

  it('an order that is cancelled elsewhere while it is charged gets money and stock back', async () => {
    let id = '';
    payments.beforeAnswer = () => cancelOrder(shop.client, id);
    id = await placeOrder(shop.db, 'John', 'atlas', 2990);
    assert.deepEqual(await outcomeOf(id), { status: 'CANCELLED', reason: 'order gone' });
    await assertCancelled(id);
    assert.deepEqual(payments.movedFor(id), [2990, -2990]);
  });

  it('an order that was imported, or paid before its event came, starts no saga', async () => {
    await shop.untilHandled(STARTER);
    for (const id of ['1', '2', '3', paidBefore])
      await assert.rejects(sagaOf(id).describe(), WorkflowNotFoundError);
  });
});
