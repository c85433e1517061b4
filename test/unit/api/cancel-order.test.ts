import assert from 'node:assert/strict';
import { cancelOrder, type CancellationOutcome } from '../../../api/sagas/cancel-order.ts';
import type { SagaAnswer, SagaControl } from '../../../api/sagas/saga-control.ts';
import { insteadOfCancelling } from '../../../domain/cancellation.ts';
import {
  OrderSystemError,
  updateRefusals,
  type CancelReason,
  type UpdateRefusal,
} from '../../../domain/errors.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { newOrder, provenance } from '../../support/builders.ts';

const refused = (code: UpdateRefusal): SagaAnswer => ({ kind: 'REFUSED', code, detail: `because ${code}` });
const done: SagaAnswer = { kind: 'DONE' };
const ended: SagaAnswer = { kind: 'ENDED' };

/** An order whose status, and a saga whose answer, are the next ones with each look; the last one stays. */
function scene(
  statuses: OrderStatus[],
  answers: SagaAnswer[],
): { run: () => Promise<CancellationOutcome>; asked: string[]; pausedMs: () => number } {
  const asked: string[] = [];
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift()! : list[0]!);
  const cancel: SagaControl['cancel'] = (saga, { status }, { reason }, _provenance, again) => {
    asked.push(`${saga} at ${status}: ${reason}${again ? ', again' : ''}`);
    return Promise.resolve(next(answers));
  };
  const began = Date.now();
  let now = began;
  const run = (): Promise<CancellationOutcome> =>
    cancelOrder(
      {
        sagas: { cancel },
        findOrder: (id) => Promise.resolve({ ...newOrder({}, id), status: next(statuses) }),
        clock: { now: () => new Date(now) },
        pause: (ms) => Promise.resolve((now += ms)),
      },
      'some-id',
      { reason: 'too many' },
      provenance,
    );
  return { run, asked, pausedMs: () => now - began };
}

describe('cancelling an order', () => {
  for (const status of ['PENDING', 'RESERVED', 'PAID'] as const)
    it(`asks the order saga while the order is ${status}`, async () => {
      const { run, asked } = scene([status], [done]);
      assert.equal(await run(), 'ACCEPTED');
      assert.deepEqual(asked, [`order at ${status}: too many`]);
    });

  it('asks the shipment saga once the order is COMPLETED', async () => {
    const { run, asked } = scene(['COMPLETED'], [{ kind: 'PENDING' }]);
    assert.equal(await run(), 'PENDING');
    assert.deepEqual(asked, ['shipment at COMPLETED: too many']);
  });

  for (const status of ['CANCELLED', 'REFUNDED'] as const)
    it(`is a repeat that asks nobody when the order is ${status}`, async () => {
      const { run, asked } = scene([status], [done]);
      assert.equal(await run(), 'ACCEPTED');
      assert.deepEqual(asked, []);
    });

  for (const status of ['SHIPPED', 'DELIVERED'] as const)
    it(`is too late for an order that is ${status}, and says what to do instead`, async () => {
      const { run, asked } = scene([status], [done]);
      await assert.rejects(run(), {
        code: 'TOO_LATE_TO_CANCEL',
        message: insteadOfCancelling({ status }),
      });
      assert.deepEqual(asked, []);
    });

  it('is too late when the saga knows better than the row', async () => {
    const { run } = scene(['COMPLETED'], [refused('TOO_LATE_TO_CANCEL')]);
    await assert.rejects(run(), { code: 'TOO_LATE_TO_CANCEL', message: 'because TOO_LATE_TO_CANCEL' });
  });

  for (const between of [refused('ORDER_IS_COMPLETING'), ended])
    it(`follows an order from saga to saga when the first says ${between.kind}`, async () => {
      const { run, asked } = scene(['PAID', 'PAID', 'COMPLETED'], [between, between, done]);
      assert.equal(await run(), 'ACCEPTED');
      assert.deepEqual(
        asked.map((line) => line.split(':')[0]),
        ['order at PAID', 'order at PAID', 'shipment at COMPLETED'],
      );
    });

  for (const [status, saga] of [
    ['PENDING', 'order'],
    ['COMPLETED', 'shipment'],
  ] as const)
    it(`starts the ${saga} saga again that completed and left its order ${status}`, async () => {
      const { run, asked } = scene([status], [ended, done]);
      assert.equal(await run(), 'ACCEPTED');
      assert.deepEqual(asked, [`${saga} at ${status}: too many`, `${saga} at ${status}: too many, again`]);
    });

  it('finds out that the order ended while it was being handed over', async () => {
    assert.equal(await scene(['PAID', 'CANCELLED'], [ended]).run(), 'ACCEPTED');
    await assert.rejects(scene(['COMPLETED', 'SHIPPED'], [ended]).run(), { code: 'TOO_LATE_TO_CANCEL' });
  });

  describe('whose answer is lost', () => {
    const lost = new OrderSystemError('UNAVAILABLE', 'no saga can be reached now');
    const run = (status: OrderStatus, reason?: CancelReason): Promise<CancellationOutcome> =>
      cancelOrder(
        {
          sagas: { cancel: () => Promise.reject(lost) },
          findOrder: (id) =>
            Promise.resolve({ ...newOrder({}, id), status, undo: reason ? { reason, detail: 'why' } : null }),
          clock: { now: () => new Date() },
        },
        'some-id',
        { reason: 'too many' },
        provenance,
      );

    it('is answered by the order, when its saga has begun to compensate for a cancellation', async () => {
      assert.equal(await run('RESERVED', 'CANCEL_REQUESTED'), 'ACCEPTED');
      assert.equal(await run('COMPLETED', 'CANCEL_REQUESTED'), 'PENDING');
    });

    it('may be repeated when the order says nothing of it', async () => {
      await assert.rejects(run('RESERVED'), { code: 'UNAVAILABLE' });
      await assert.rejects(run('RESERVED', 'OUT_OF_STOCK'), { code: 'UNAVAILABLE' });
    });
  });

  it('gives up after some seconds, and says that the request may be repeated', async () => {
    const { run, asked, pausedMs } = scene(['PAID'], [ended]);
    await assert.rejects(run(), { code: 'UNAVAILABLE', message: /may be repeated safely/ });
    assert.ok(asked.length > 10, `${asked.length} tries`);
    assert.ok(pausedMs() >= 5_000 && pausedMs() < 5_500, `${pausedMs()} ms`);
  });

  for (const code of updateRefusals.filter((known) => known.startsWith('NOT_')))
    it(`does not take ${code} for an answer`, () =>
      assert.rejects(scene(['PAID'], [refused(code)]).run(), { name: 'Error', message: new RegExp(code) }));
});
