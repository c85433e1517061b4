import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { OrderOutcome } from '../../domain/order-saga.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import type { Capability } from '../../domain/saga-steps.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import type { orderSaga } from '../../workflows/index.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { createFakeSteps, routedByOrder, type FakeSteps, type StepName } from '../support/fake-steps.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';

const HOUR = 3_600_000;
/** A service that stays away is tried until then; not for days, because each attempt is replayed where nothing is cached. */
const deadlines = { ...sagaSettings().deadlines, reservationMs: HOUR / 2, paymentMs: HOUR / 4 };

describe('order saga', function () {
  this.timeout(180_000);
  const fakes = new Map<string, FakeSteps>();
  let environment: WorkflowEnvironment;

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(routedByOrder(fakes));
  });
  after(() => environment.close());

  const start = (
    fake: FakeSteps,
    localSteps: readonly Capability[] = ['inventory', 'orders'],
    settings: Partial<SagaSettings> = {},
  ): Promise<WorkflowHandle<typeof orderSaga>> => {
    const order = placedOrder();
    fakes.set(order.id, fake);
    return environment.client.workflow.start<typeof orderSaga>('orderSaga', {
      workflowId: orderWorkflowId(order.id),
      taskQueue: environment.taskQueue,
      args: [{ order, settings: sagaSettings({ localSteps, undoAttempts: 1_000, ...settings }) }],
    });
  };

  const run = async (fake: FakeSteps, localSteps?: readonly Capability[]): Promise<OrderOutcome> =>
    (await start(fake, localSteps)).result();

  /** Runs a saga to its end, and cancels it after so many ms. */
  async function runAndCancel(fake: FakeSteps, afterMs: number): Promise<OrderOutcome> {
    const saga = await start(fake);
    await environment.sleep(afterMs);
    await saga.cancel();
    return saga.result();
  }

  const forward: StepName[] = ['reserveInventory', 'chargePayment', 'completeOrder'];

  for (const localSteps of [
    ['inventory', 'orders'],
    [],
    ['inventory', 'payments', 'orders'],
  ] as Capability[][]) {
    it(`reserves, charges and completes, with local steps: ${localSteps.join(', ') || 'none'}`, async () => {
      const fake = createFakeSteps();
      assert.deepEqual(await run(fake, localSteps), { status: 'COMPLETED' });
      assert.deepEqual(fake.calls, forward);
    });

    it(`undoes in reverse, with local steps: ${localSteps.join(', ') || 'none'}`, async () => {
      const fake = createFakeSteps({
        faults: { chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity } },
      });
      assert.deepEqual(await run(fake, localSteps), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
      assert.deepEqual(fake.calls, [
        'reserveInventory',
        'chargePayment',
        'refundPayment',
        'releaseInventory',
        'cancelOrder',
      ]);
    });
  }

  it('an order that is out of stock releases what may have been held, and money is never touched', async () => {
    const fake = createFakeSteps({ faults: { reserveInventory: { code: 'OUT_OF_STOCK', times: Infinity } } });
    assert.deepEqual(await run(fake), { status: 'CANCELLED', reason: 'OUT_OF_STOCK' });
    assert.deepEqual(fake.calls, ['reserveInventory', 'releaseInventory', 'cancelOrder']);
    assert.deepEqual(fake.cancelled, ['OUT_OF_STOCK', 'not enough in stock']);
  });

  it('an inventory that recovers in time costs nothing but time', async () => {
    const fake = createFakeSteps({
      faults: { reserveInventory: { code: 'INVENTORY_UNAVAILABLE', times: 20 } },
    });
    assert.deepEqual(await run(fake), { status: 'COMPLETED' });
    assert.equal(fake.calls.filter((name) => name === 'reserveInventory').length, 21);
  });

  it('an inventory that stays away is tried until the reservation should have been there', async () => {
    const fake = createFakeSteps({
      faults: { reserveInventory: { code: 'INVENTORY_UNAVAILABLE', times: Infinity } },
    });
    const saga = await start(fake, undefined, { deadlines });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'RESERVATION_EXPIRED' });
    assert.deepEqual(fake.done, ['releaseInventory', 'cancelOrder']);
    const { startTime, closeTime } = await saga.describe();
    assert.ok(Number(closeTime) - Number(startTime) >= deadlines.reservationMs);
  });

  describe('a charge without an answer', () => {
    const lost = { chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: Infinity } } as const;

    it('that took the money goes on without charging again', async () => {
      const fake = createFakeSteps({ faults: lost, chargeStatus: ['CHARGED'] });
      assert.deepEqual(await run(fake), { status: 'COMPLETED' });
      assert.deepEqual(fake.calls, ['reserveInventory', 'chargePayment', 'resolveCharge', 'completeOrder']);
    });

    it('that never arrived is tried again until the payment is overdue', async () => {
      const fake = createFakeSteps({ faults: lost, chargeStatus: ['NOT_FOUND'] });
      const saga = await start(fake, undefined, { deadlines });
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_OVERDUE' });
      const charges = fake.calls.filter((name) => name === 'chargePayment').length;
      assert.ok(charges > 10, `${charges} charges`);
      assert.deepEqual(fake.done.slice(-3), ['refundPayment', 'releaseInventory', 'cancelOrder']);
    });

    it('that the provider declined is undone', async () => {
      const fake = createFakeSteps({ faults: lost, chargeStatus: ['DECLINED'] });
      assert.deepEqual(await run(fake), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
      assert.deepEqual(fake.done, [
        'reserveInventory',
        'resolveCharge',
        'refundPayment',
        'releaseInventory',
        'cancelOrder',
      ]);
    });

    it('is asked for as long as the provider is down, and neither repeated nor undone before', async () => {
      const down = { resolveCharge: { code: 'PAYMENT_UNAVAILABLE', times: 50 } } as const;
      const fake = createFakeSteps({ faults: { ...lost, ...down }, chargeStatus: ['CHARGED'] });
      const saga = await start(fake);
      assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
      assert.equal(fake.calls.filter((name) => name === 'chargePayment').length, 1);
      assert.deepEqual(fake.done, ['reserveInventory', 'resolveCharge', 'completeOrder']);
      const { startTime, closeTime } = await saga.describe();
      assert.ok(Number(closeTime) - Number(startTime) > HOUR, 'the provider was down for more than an hour');
    });
  });

  it('undoing goes on until it is done, however long the provider is away', async () => {
    const fake = createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
        refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: 50 },
      },
    });
    const saga = await start(fake);
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
    assert.deepEqual(fake.done, ['reserveInventory', 'refundPayment', 'releaseInventory', 'cancelOrder']);
    const { startTime, closeTime } = await saga.describe();
    assert.ok(Number(closeTime) - Number(startTime) > HOUR, 'it took more than an hour of retries');
  });

  it('once the money is taken, completing is tried until it succeeds', async () => {
    const fake = createFakeSteps({ faults: { completeOrder: { code: 'INVENTORY_UNAVAILABLE', times: 50 } } });
    assert.deepEqual(await run(fake), { status: 'COMPLETED' });
    assert.deepEqual(fake.done, forward);
  });

  it('a saga whose order ended before does nothing', async () => {
    const fake = createFakeSteps({ orderStatus: 'CANCELLED' });
    assert.deepEqual(await run(fake), { status: 'CANCELLED' });
    assert.deepEqual(fake.calls, []);
  });

  it('a saga that is cancelled while it charges gives back money and stock', async () => {
    const fake = createFakeSteps({
      faults: { chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: Infinity } },
      chargeStatus: ['NOT_FOUND'],
    });
    const outcome = await runAndCancel(fake, 500);
    assert.deepEqual(outcome, { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
    assert.deepEqual(fake.done.slice(-3), ['refundPayment', 'releaseInventory', 'cancelOrder']);
  });

  it('a cancellation that comes while undoing does not stop the undo', async () => {
    const fake = createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
        refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: 20 },
      },
    });
    const outcome = await runAndCancel(fake, 5_000);
    assert.deepEqual(outcome, { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
    assert.deepEqual(fake.done.slice(-3), ['refundPayment', 'releaseInventory', 'cancelOrder']);
  });

  it('a cancellation past the point of no return does not keep the order from completing', async () => {
    const fake = createFakeSteps({ faults: { completeOrder: { code: 'INVENTORY_UNAVAILABLE', times: 10 } } });
    const outcome = await runAndCancel(fake, 5_000);
    assert.deepEqual(outcome, { status: 'COMPLETED' });
    assert.deepEqual(fake.done, forward);
  });

  it('tells by search attribute how the order ended', async () => {
    const fake = createFakeSteps({
      faults: { chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity } },
    });
    const saga = await start(fake);
    await saga.result();
    const { typedSearchAttributes } = await saga.describe();
    const described = typedSearchAttributes.getAll().map(({ key, value }) => `${key.name}=${String(value)}`);
    assert.deepEqual(described.sort(), ['CancelReason=PAYMENT_DECLINED', 'OrderStatus=CANCELLED']);
  });
});
