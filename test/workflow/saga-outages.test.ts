import assert from 'node:assert/strict';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { failWith } from '../../activities/failures.ts';
import type { FailureCode } from '../../domain/failure-texts.ts';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { Capability } from '../../domain/saga-steps.ts';
import { eventually } from '../support/eventually.ts';
import { useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps, type FakeSteps, type StepName } from '../support/fake-steps.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const deadlines = {
  approvalMs: 60 * DAY,
  reservationMs: 60 * DAY,
  paymentMs: 60 * DAY,
  dispatchMs: 60 * DAY,
  deliveryMs: 60 * DAY,
};

/** The same steps, one of which fails for 30 days. Its attempts are rare, because each costs the test a moment. */
function awayFor30Days({ steps, ...fake }: FakeSteps, name: StepName, code: FailureCode): FakeSteps {
  let since: number | undefined;
  const { [name]: step } = steps;
  const away = (...args: Parameters<typeof step>): unknown => {
    const { isLocal, currentAttemptScheduledTimestampMs: at } = Context.current().info;
    // The server has skipped ahead of the worker's clock, which times local attempts.
    if (!isLocal) since ??= at;
    if (since === undefined || at - since < 30 * DAY) throw failWith(code, {}, { retryAfterMs: 6 * HOUR });
    return (step as (...given: typeof args) => unknown)(...args);
  };
  return { ...fake, steps: { ...steps, [name]: away } };
}

const eventsOf = async (saga: WorkflowHandle): Promise<number> =>
  Number((await saga.describe()).raw.workflowExecutionInfo?.historyLength);

const durationOf = async (saga: WorkflowHandle): Promise<number> => {
  const { startTime, closeTime } = await saga.describe();
  return Number(closeTime) - Number(startTime);
};

describe('a saga in a long outage', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  const outages: readonly {
    readonly what: string;
    readonly saga?: 'shipment';
    readonly away: readonly [StepName, FailureCode];
    readonly steps?: Parameters<typeof createFakeSteps>[0];
    readonly below: number;
  }[] = [
    { what: 'the payment provider', away: ['chargePayment', 'PAYMENT_UNAVAILABLE'], below: 100 },
    { what: 'our own database', away: ['reserveInventory', 'INVENTORY_UNAVAILABLE'], below: 100 },
    { what: 'our own database, past the pivot', away: ['completeOrder', 'FAILED'], below: 100 },
    { what: 'the carrier', saga: 'shipment', away: ['bookCarrier', 'CARRIER_UNAVAILABLE'], below: 100 },
    {
      what: 'an answer to what became of its charge',
      away: ['resolveCharge', 'PAYMENT_UNAVAILABLE'],
      steps: {
        faults: { chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: 1 } },
        chargeStatus: ['CHARGED'],
      },
      below: 100,
    },
    {
      what: 'a charge to arrive at all',
      away: ['chargePayment', 'PAYMENT_OUTCOME_UNKNOWN'],
      steps: { chargeStatus: ['NOT_FOUND'] },
      below: 500,
    },
    { what: 'its order to fit again', away: ['reserveInventory', 'RESERVATION_FENCED'], below: 500 },
  ];

  for (const localSteps of [['inventory', 'orders'], []] as Capability[][])
    for (const { what, saga: kind, away, steps, below } of outages)
      it(`that waits for ${what} for 30 days has fewer than ${below} events and succeeds, with local steps: ${localSteps.join(', ') || 'none'}`, async () => {
        const fake = awayFor30Days(createFakeSteps(steps), ...away);
        const cast = { steps: fake.steps, settings: { deadlines, localSteps } };
        const saga = kind === 'shipment' ? await sagas.startShipment(cast) : await sagas.startOrder(cast);
        if (kind === 'shipment') {
          await sagas.environment().sleep(31 * DAY);
          await eventually(() => Promise.resolve(fake.done.includes('bookCarrier') || undefined), {
            what: 'the parcel is booked',
          });
          await saga.signal('parcelNotice', 'DISPATCHED');
          await saga.signal('parcelNotice', 'DELIVERED');
        }
        const { status } = await saga.result();
        assert.equal(status, kind === 'shipment' ? 'DELIVERED' : 'COMPLETED');
        assert.ok((await durationOf(saga)) >= 30 * DAY);
        const events = await eventsOf(saga);
        assert.ok(events < below, `${events} events`);
      });

  for (const by of ['the customer', 'Temporal'])
    it(`is cancelled at once by ${by} while a step waits for its next attempt`, async () => {
      const fake = createFakeSteps();
      let attempts = 0;
      const chargePayment = (): Promise<void> => {
        attempts += 1;
        return Promise.reject(failWith('PAYMENT_UNAVAILABLE', {}, { retryAfterMs: DAY }));
      };
      const saga = await sagas.startOrder({
        steps: { ...fake.steps, chargePayment },
        settings: { deadlines },
      });
      await eventually(
        async () => (await saga.describe()).raw.pendingActivities?.find(({ attempt }) => attempt === 2),
        { what: 'the charge waits for its second attempt' },
      );
      if (by === 'Temporal') await saga.cancel();
      else await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
      assert.equal(attempts, 1);
      assert.deepEqual(fake.done.slice(-3), ['refundPayment', 'releaseInventory', 'cancelOrder']);
      assert.ok((await durationOf(saga)) < HOUR);
    });
});
