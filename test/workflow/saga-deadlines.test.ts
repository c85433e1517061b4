import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { CallName } from '../../domain/saga-steps.ts';
import { placedOrder } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps, type FakeSteps } from '../support/fake-steps.ts';
import { createModel, type Model } from '../support/model-services.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DEADLINES = {
  approvalMs: 72 * HOUR,
  reservationMs: 2 * HOUR,
  paymentMs: HOUR,
  dispatchMs: 24 * HOUR,
  deliveryMs: 72 * HOUR,
};

const durationOf = async (saga: WorkflowHandle): Promise<number> => {
  const { startTime, closeTime } = await saga.describe();
  return Number(closeTime) - Number(startTime);
};

describe('deadlines of the order saga', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  /** A charge without an answer, at a provider that says nothing any more. */
  const silentProvider = (): FakeSteps =>
    createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: Infinity },
        resolveCharge: { code: 'PAYMENT_UNAVAILABLE', times: Infinity },
      },
    });

  it('a payment that does not come about in time is given up, fenced and undone', async () => {
    const fake = silentProvider();
    const saga = await sagas.startOrder({ ...fake, settings: { deadlines: DEADLINES } });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_OVERDUE' });
    assert.deepEqual(fake.done.slice(-3), ['refundPayment', 'releaseInventory', 'cancelOrder']);
    const duration = await durationOf(saga);
    assert.ok(duration >= DEADLINES.paymentMs && duration < DEADLINES.paymentMs + MINUTE, `${duration} ms`);
  });

  it('stock that is held for too long without a payment goes back', async () => {
    const fake = silentProvider();
    const deadlines = { ...DEADLINES, reservationMs: 10 * MINUTE };
    const saga = await sagas.startOrder({ ...fake, settings: { deadlines } });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'RESERVATION_EXPIRED' });
    assert.ok((await durationOf(saga)) < deadlines.paymentMs);
  });

  it('a provider that is back before the deadline costs nothing but time', async () => {
    const fake = createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: Infinity },
        resolveCharge: { code: 'PAYMENT_UNAVAILABLE', times: 40 },
      },
      chargeStatus: ['CHARGED'],
    });
    const saga = await sagas.startOrder({ ...fake, settings: { deadlines: DEADLINES } });
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
    assert.ok((await durationOf(saga)) > 10 * MINUTE);
  });
});

describe('a step that is still under way when its compensation has run', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  /** Services in which one step gets stuck before it acts, until it is let go. */
  function holding(step: CallName): {
    model: Model;
    order: ReturnType<typeof placedOrder>;
    letGo: () => Promise<void>;
  } {
    const order = placedOrder();
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let ended: Promise<void> | undefined;
    const model = createModel(order.id, {
      around: async (name, nth, when) => {
        if (name !== step || nth > 1) return;
        if (when === 'before') await held;
        else ended = Promise.resolve();
      },
    });
    return {
      model,
      order,
      letGo: async () => {
        letGo();
        await eventually(() => Promise.resolve(ended && true), { what: `the late ${step} has ended` });
      },
    };
  }

  it('a charge that arrives after its refund is refused', async () => {
    const { model, order, letGo } = holding('chargePayment');
    const deadlines = { ...DEADLINES, paymentMs: 5_000 };
    const saga = await sagas.startOrder({ steps: model.activities, order, settings: { deadlines } });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_OVERDUE' });
    await letGo();
    assert.deepEqual(
      [model.world.charge, model.world.net, model.world.reservation],
      ['VOIDED', 0, 'RELEASED'],
    );
  });

  it('a reservation that arrives after its release is refused', async () => {
    const { model, order, letGo } = holding('reserveInventory');
    const saga = await sagas.startOrder({ steps: model.activities, order, settings: { localSteps: [] } });
    await eventually(() => Promise.resolve(model.calls.includes('reserveInventory') || undefined), {
      what: 'the reservation is under way',
    });
    await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
    await letGo();
    assert.equal(model.world.reservation, 'RELEASED');
  });

  it('a booking that arrives after it was taken back is refused', async () => {
    const { model, order, letGo } = holding('bookCarrier');
    const paid = await sagas.startOrder({ steps: model.activities, order });
    assert.deepEqual(await paid.result(), { status: 'COMPLETED' });
    const deadlines = { ...DEADLINES, dispatchMs: 5_000 };
    const saga = await sagas.startShipment({ steps: model.activities, order, settings: { deadlines } });
    assert.deepEqual(await saga.result(), { status: 'REFUNDED', reason: 'DISPATCH_OVERDUE' });
    await letGo();
    assert.deepEqual(
      [model.world.parcel, model.world.net, model.world.reservation],
      ['CANCELLED', 0, 'RELEASED'],
    );
  });
});
