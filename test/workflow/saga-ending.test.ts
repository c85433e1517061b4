import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { OrderUndoName } from '../../domain/desk.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { OrderPosition } from '../../domain/order-saga.ts';
import type { OrderStatus } from '../../domain/order.ts';
import {
  causeShown,
  isRefusal,
  progressOf,
  resolve,
  untilState,
  useFakeSagas,
} from '../support/fake-sagas.ts';
import { createFakeSteps, type FakeSteps } from '../support/fake-steps.ts';

/** A saga that undoes, and whose order refuses so many times what the undo writes about it. */
const refusing = (call: OrderUndoName, times: number, code: ErrorCode = 'INVALID_TRANSITION'): FakeSteps =>
  createFakeSteps({
    faults: {
      chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
      bookCarrier: { code: 'BOOKING_REFUSED', times: Infinity },
      [call]: { code, times },
    },
  });
const at = (status: OrderStatus): OrderPosition => ({ status, approval: 'NONE', undo: null });
const callsOf = (fake: FakeSteps, name: string): number => fake.calls.filter((call) => call === name).length;

describe('an undo that its order refuses', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();
  const start = (call: OrderUndoName, fake: Pick<FakeSteps, 'steps'>): Promise<WorkflowHandle> =>
    call === 'cancelOrder' ? sagas.startOrder(fake) : sagas.startShipment(fake);

  for (const [call, label, remaining, outcome] of [
    ['cancelOrder', 'cancel the order', [], { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' }],
    ['refundOrder', 'end the order as refunded', [], { status: 'REFUNDED', reason: 'BOOKING_REFUSED' }],
    [
      'failShipment',
      'write that the shipment has failed',
      ['undo: give the money back', 'undo: give the stock back', 'end the order as refunded'],
      { status: 'REFUNDED', reason: 'BOOKING_REFUSED' },
    ],
  ] as const)
    it(`${call}: the saga waits for an operator, and a retry brings the order to its end`, async () => {
      const fake = refusing(call, 2);
      const saga = await start(call, fake);
      const waiting = await untilState(saga, 'STUCK');
      assert.deepEqual([waiting.stuck?.undo, waiting.current?.name], [call, label]);
      assert.deepEqual([waiting.current?.attempts, waiting.remaining], [1, remaining]);
      assert.equal(await causeShown(saga), `${call}: INVALID_TRANSITION`);
      await resolve(saga, 'retry');
      await untilState(saga, 'STUCK', 2);
      await resolve(saga, 'retry');
      assert.deepEqual(await saga.result(), outcome);
      assert.deepEqual([callsOf(fake, call), callsOf(fake, 'recordStuck')], [3, 2]);
      assert.equal(await causeShown(saga), undefined);
      assert.equal((await progressOf(saga)).undone.filter(({ name }) => name === label).length, 1);
    });

  for (const decision of ['done-by-hand', 'waive'] as const)
    it(`takes no ${decision}: the order has to end, and only its saga ends it`, async () => {
      const fake = refusing('cancelOrder', 1);
      const saga = await start('cancelOrder', fake);
      await untilState(saga, 'STUCK');
      await assert.rejects(resolve(saga, decision), isRefusal('RETRY_ONLY'));
      assert.equal((await progressOf(saga)).state, 'STUCK');
      await resolve(saga, 'retry');
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
      assert.deepEqual(fake.done.slice(-3), ['recordStuck', 'recordResolution', 'cancelOrder']);
    });

  it('and that cannot be told to its order waits all the same', async () => {
    const gone = { code: 'ORDER_NOT_FOUND', times: 1 } as const;
    const fake = createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
        cancelOrder: gone,
        recordStuck: gone,
        recordResolution: gone,
      },
    });
    const saga = await start('cancelOrder', fake);
    await untilState(saga, 'STUCK', 0);
    assert.equal(await causeShown(saga), 'cancelOrder: ORDER_NOT_FOUND');
    // Nothing is answered with success that was not written.
    await assert.rejects(resolve(saga, 'retry'), isRefusal('NOT_STUCK'));
    await untilState(saga, 'STUCK', 1);
    await resolve(saga, 'retry');
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
  });

  it('cancelOrder: an order that is cancelled already, as an answer got lost, needs nobody', async () => {
    const { steps } = refusing('cancelOrder', Infinity);
    const answers = ['PENDING', 'CANCELLED'] as const;
    let asked = 0;
    const saga = await start('cancelOrder', {
      steps: {
        ...steps,
        orderStatus: () => Promise.resolve(at(answers[asked++] ?? 'CANCELLED')),
        recordStuck: () => Promise.resolve(null),
      },
    });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
  });

  for (const call of ['failShipment', 'refundOrder'] as const)
    it(`${call}: an order that has ended otherwise stays as it is, and nothing more is undone`, async () => {
      const { steps, ...fake } = refusing(call, Infinity);
      const answers = ['COMPLETED', 'DELIVERED'] as const;
      let asked = 0;
      const saga = await start(call, {
        steps: {
          ...steps,
          orderStatus: () => Promise.resolve(at(answers[asked++] ?? 'DELIVERED')),
          recordStuck: () => Promise.resolve(null),
        },
      });
      assert.deepEqual(await saga.result(), { status: 'DELIVERED' });
      assert.equal(fake.calls.at(-1), call);
    });
});
