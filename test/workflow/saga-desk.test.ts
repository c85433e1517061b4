import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { OrderPosition } from '../../domain/order-saga.ts';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import { createFakeSteps, type FakeSteps } from '../support/fake-steps.ts';
import {
  causeShown,
  isRefusal,
  progressOf,
  resolve,
  untilState,
  useFakeSagas,
  waive,
} from '../support/fake-sagas.ts';

const DAY = 24 * 3_600_000;
const declined = { code: 'PAYMENT_DECLINED', times: Infinity } as const;

/** A declined payment whose refund fails so many times; three in a row are one time too many. */
const refundFails = (times: number): FakeSteps =>
  createFakeSteps({
    faults: { chargePayment: declined, refundPayment: { code: 'PAYMENT_UNAVAILABLE', times } },
  });

describe('the compensation desk', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  it('is asked when an undo step has failed past its attempts, and nothing below it is undone meanwhile', async () => {
    const fake = refundFails(Infinity);
    const saga = await sagas.startOrder(fake);
    const { stuck, current, remaining } = await untilState(saga, 'STUCK');
    assert.deepEqual([stuck?.undo, stuck?.occurrence], ['refundPayment', 1]);
    assert.deepEqual([current?.attempts, current?.lastError?.code], [3, 'PAYMENT_UNAVAILABLE']);
    assert.deepEqual(remaining, ['undo: give the stock back', 'cancel the order']);
    assert.equal(await causeShown(saga), 'refundPayment: PAYMENT_UNAVAILABLE');
    await sagas.environment().sleep(30 * DAY);
    assert.ok(!fake.calls.includes('releaseInventory'));
    assert.equal(fake.done.filter((name) => name === 'recordStuck').length, 1);
    await waive(saga);
    await saga.result();
  });

  it('retry: the step runs again, with all its attempts, and the rest after it', async () => {
    const fake = refundFails(5);
    const saga = await sagas.startOrder(fake);
    await untilState(saga, 'STUCK');
    await resolve(saga, 'retry');
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
    assert.deepEqual(fake.done, [
      'reserveInventory',
      'recordStuck',
      'recordResolution',
      'refundPayment',
      'releaseInventory',
      'cancelOrder',
    ]);
    assert.equal(fake.calls.filter((name) => name === 'refundPayment').length, 6);
    assert.equal(await causeShown(saga), undefined);
  });

  it('retry that fails again is a second case, which takes a decision of its own', async () => {
    const fake = refundFails(Infinity);
    const saga = await sagas.startOrder(fake);
    await untilState(saga, 'STUCK');
    await resolve(saga, 'retry');
    await untilState(saga, 'STUCK', 2);
    await resolve(saga, 'done-by-hand');
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
    assert.equal(fake.done.filter((name) => name === 'recordStuck').length, 2);
  });

  for (const [decision, decide] of [
    ['done-by-hand', (saga: WorkflowHandle) => resolve(saga, 'done-by-hand')],
    ['waive', waive],
  ] as const)
    it(`${decision}: the step counts as settled, and the rest is undone`, async () => {
      const fake = refundFails(Infinity);
      const saga = await sagas.startOrder(fake);
      await untilState(saga, 'STUCK');
      await decide(saga);
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
      assert.deepEqual(fake.done.slice(2), [
        ...(decision === 'waive' ? ['requestWaiver'] : []),
        'recordResolution',
        'releaseInventory',
        'cancelOrder',
      ]);
      const { undone } = await progressOf(saga);
      assert.deepEqual(
        undone.map(({ name, settled }) => [name, settled]),
        [
          ['undo: give the money back', decision],
          ['undo: give the stock back', undefined],
          ['cancel the order', undefined],
        ],
      );
    });

  it('a final no to an undo step is not repeated: an operator is asked at once', async () => {
    const fake = createFakeSteps({
      faults: { chargePayment: declined, refundPayment: { code: 'INVALID_TRANSITION', times: Infinity } },
    });
    const saga = await sagas.startOrder(fake);
    await untilState(saga, 'STUCK');
    assert.equal(fake.calls.filter((name) => name === 'refundPayment').length, 1);
    assert.equal(await causeShown(saga), 'refundPayment: INVALID_TRANSITION');
    await resolve(saga, 'done-by-hand');
    await saga.result();
  });

  it('a booking that cannot be taken back: the shipment saga waits, and undoes once it was done by hand', async () => {
    const fake = createFakeSteps({
      faults: {
        bookCarrier: { code: 'BOOKING_REFUSED', times: Infinity },
        cancelBooking: { code: 'CARRIER_UNAVAILABLE', times: Infinity },
      },
    });
    const saga = await sagas.startShipment(fake);
    await untilState(saga, 'STUCK');
    await resolve(saga, 'done-by-hand');
    assert.deepEqual(await saga.result(), { status: 'REFUNDED', reason: 'BOOKING_REFUSED' });
    assert.deepEqual(fake.done.slice(-4), [
      'failShipment',
      'refundPayment',
      'releaseInventory',
      'refundOrder',
    ]);
  });

  it('a cancellation of a saga that is stuck counts as carried out', async () => {
    const saga = await sagas.startOrder(refundFails(Infinity));
    await untilState(saga, 'STUCK');
    await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
    assert.equal((await progressOf(saga)).state, 'STUCK');
    await waive(saga);
    await saga.result();
  });

  it('goes on by itself when the order turns out to have ended', async () => {
    const { steps, ...fake } = refundFails(Infinity);
    const recordStuck = async (...given: Parameters<typeof steps.recordStuck>): Promise<null> => {
      await steps.recordStuck(...given);
      return null;
    };
    let asked = 0;
    const orderStatus = (): Promise<OrderPosition> =>
      Promise.resolve({ status: asked++ === 0 ? 'PENDING' : 'CANCELLED', approval: 'NONE', undo: null });
    const saga = await sagas.startOrder({ steps: { ...steps, recordStuck, orderStatus } });
    assert.equal((await saga.result()).status, 'CANCELLED');
    assert.ok(!fake.calls.includes('recordResolution'));
  });

  it('takes no decision from a saga that is not stuck, and no second one', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolveHeld) => {
      release = resolveHeld;
    });
    const { steps } = refundFails(Infinity);
    const saga = await sagas.startOrder({
      steps: { ...steps, recordResolution: () => held },
      settings: { localSteps: [] },
    });
    await assert.rejects(resolve(saga, 'retry'), isRefusal('NOT_STUCK'));
    await untilState(saga, 'STUCK');
    const first = resolve(saga, 'done-by-hand');
    await saga.query('progress');
    const second = assert.rejects(resolve(saga, 'retry'), isRefusal('NOT_STUCK'));
    release();
    await first;
    await second;
    await saga.result();
  });
});
