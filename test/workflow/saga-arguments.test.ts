import assert from 'node:assert/strict';
import { APPROVAL_UPDATE, CANCEL_UPDATE, RESOLVE_UPDATE } from '../../domain/saga-requests.ts';
import { PARCEL_NOTICE_SIGNAL } from '../../domain/shipment-saga.ts';
import { placedOrder } from '../support/builders.ts';
import { isRefusal, progressOf, resolve, untilState, useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps } from '../support/fake-steps.ts';
import { eventually } from '../support/eventually.ts';

const LIMIT = 100;
const isInvalid = isRefusal('INVALID_ARGUMENTS');
const decision = { operator: 'maria', reason: 'seen' };

/** What a client can send that does not know the shape, by the update. */
const wrong: Readonly<Record<string, readonly unknown[]>> = {
  [CANCEL_UPDATE]: [undefined, null, 'reason', {}, { reason: 5 }, { reason: ' ' }, { reason: 'a\u0000' }],
  [APPROVAL_UPDATE]: [undefined, {}, { ...decision, decision: 'perhaps' }, { decision: 'approve' }],
  [RESOLVE_UPDATE]: [
    undefined,
    {},
    { ...decision, decision: 'forget' },
    { ...decision, operator: '', decision: 'retry' },
    { ...decision, operator: 'maria\u202e', decision: 'retry' },
    { ...decision, reason: 'x'.repeat(1_001), decision: 'retry' },
  ],
};

describe('a request of the wrong shape', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  it('is refused by each update of a saga, which goes on as if it had not come', async () => {
    const fake = createFakeSteps({
      faults: { refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: 3 } },
    });
    const saga = await sagas.startOrder({
      ...fake,
      order: placedOrder({ totalMinor: LIMIT + 1 }),
      settings: { approvalLimitMinor: LIMIT },
    });
    await eventually(() => Promise.resolve(fake.calls.includes('requestApproval') || undefined), {
      what: 'the saga waits for approval',
    });
    for (const [update, arguments_] of Object.entries(wrong))
      for (const argument of arguments_)
        await assert.rejects(
          saga.executeUpdate(update, { args: [argument] }),
          isInvalid,
          `${update} ${JSON.stringify(argument)}`,
        );
    assert.equal((await progressOf(saga)).state, 'RUNNING');
    await saga.executeUpdate(APPROVAL_UPDATE, { args: [{ ...decision, decision: 'approve' }] });
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
  });

  it('is refused while a saga is stuck, and the saga waits on', async () => {
    const fake = createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
        refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: 3 },
      },
    });
    const saga = await sagas.startOrder(fake);
    await untilState(saga, 'STUCK');
    for (const argument of wrong[RESOLVE_UPDATE] ?? [])
      await assert.rejects(saga.executeUpdate(RESOLVE_UPDATE, { args: [argument] }), isInvalid);
    await resolve(saga, 'retry');
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
  });

  it('is not taken for news of the carrier: a parcel has left only when the carrier says so', async () => {
    const fake = createFakeSteps({ orderStatus: 'COMPLETED' });
    const saga = await sagas.startShipment(fake);
    for (const notice of [undefined, null, 'LEFT', { status: 'DISPATCHED' }])
      await saga.signal(PARCEL_NOTICE_SIGNAL, notice);
    await sagas.environment().sleep(60_000);
    assert.ok(!fake.calls.includes('shipInventory'));
    await saga.signal(PARCEL_NOTICE_SIGNAL, 'DELIVERED');
    assert.deepEqual(await saga.result(), { status: 'DELIVERED' });
  });
});
