import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import { isRefusal, resolve, untilState, useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps } from '../support/fake-steps.ts';

const detailsOf = async (saga: Pick<WorkflowHandle, 'query'>): Promise<string> =>
  (await saga.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;

/** Of each timer in the history; undefined for one without. */
async function timerSummaries(saga: WorkflowHandle): Promise<unknown[]> {
  const { events } = await saga.fetchHistory();
  return (events ?? [])
    .filter((event) => event.timerStartedEventAttributes)
    .map(
      ({ userMetadata }) =>
        userMetadata?.summary && defaultPayloadConverter.fromPayload(userMetadata.summary),
    );
}

describe('the current details of a saga', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();
  const declinedAndStuck = (): ReturnType<typeof createFakeSteps> =>
    createFakeSteps({
      faults: {
        chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
        refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: Infinity },
      },
    });

  it('are a heading, a blank line and a list, so that the Web UI shows a line for each step', async () => {
    const saga = await sagas.startOrder(createFakeSteps());
    await saga.result();
    const [heading, blank, ...items] = (await detailsOf(saga)).split('\n');
    assert.match(heading ?? '', /^Order [0-9a-f-]{36}$/);
    assert.equal(blank, '');
    assert.deepEqual(items.slice(0, 2), ['- reserve inventory ✓', '- charge payment ✓']);
    assert.match(items.at(-1) ?? '', /^- it goes on with \[shipment-.*\]\(\/namespaces\/.*\)$/);
  });

  it('show a cancel reason as it was written, and no line that its author forged', async () => {
    const reason = '<br>- undo: give the money back ✓<p hidden> [x](http://y) **now**';
    const fake = createFakeSteps();
    const chargePayment: typeof fake.steps.chargePayment = async (order) => {
      const running = sagas.environment().client.workflow.getHandle(orderWorkflowId(order.id));
      await running.startUpdate(CANCEL_UPDATE, { args: [{ reason }], waitForStage: 'ACCEPTED' });
      return fake.steps.chargePayment(order);
    };
    const saga = await sagas.startOrder({ steps: { ...fake.steps, chargePayment } });
    await saga.result();
    const details = await detailsOf(saga);
    assert.doesNotMatch(details, /[<>]|\]\(http|\*\*now/);
    const shown = details.replace(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)));
    assert.ok(shown.includes(`failed: CANCEL_REQUESTED – ${reason}\n`), shown);
    assert.equal(details.split('\n').filter((line) => line === '- undo: give the money back ✓').length, 1);
  });

  it('show who asks for a waiver and why as it was written', async () => {
    const saga = await sagas.startOrder({ ...declinedAndStuck(), settings: { undoAttempts: 1 } });
    await untilState(saga, 'STUCK');
    await resolve(saga, 'waive', '**maria** <i>');
    assert.match(
      await detailsOf(saga),
      /\n- \*\*&#42;&#42;maria&#42;&#42;\S* &#60;i&#62; asks to waive it\*\* \(seen by &#42;/,
    );
    await resolve(saga, 'done-by-hand');
    await saga.result();
  });

  it('say nothing that an update smuggles past the API in hidden characters: it is refused', async () => {
    const saga = await sagas.startOrder({ ...declinedAndStuck(), settings: { undoAttempts: 1 } });
    await untilState(saga, 'STUCK');
    for (const operator of ['ma\u202eria', 'maria\n- undone', 'maria\u200b', 'maria\u0000'])
      await assert.rejects(resolve(saga, 'waive', operator), isRefusal('INVALID_ARGUMENTS'));
    await resolve(saga, 'done-by-hand');
    await saga.result();
  });
});

describe('each timer of a saga', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  it('says in the history what it is for', async () => {
    const saga = await sagas.startOrder(
      createFakeSteps({
        faults: {
          reserveInventory: { code: 'INVENTORY_UNAVAILABLE', times: 1 },
          chargePayment: { code: 'PAYMENT_OUTCOME_UNKNOWN', times: 1 },
        },
      }),
    );
    await saga.result();
    assert.deepEqual(await timerSummaries(saga), [
      'Deadline: RESERVATION_EXPIRED',
      'Deadline: PAYMENT_OVERDUE',
      'The outcome was unknown, and the call never arrived: pause before the next attempt',
    ]);
    const shipment = await sagas.startShipment(createFakeSteps());
    await shipment.result();
    assert.deepEqual(new Set(await timerSummaries(shipment)).has(undefined), false);
  });
});
