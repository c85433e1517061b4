import assert from 'node:assert/strict';
import type { OrderOutcome } from '../../../domain/order-saga.ts';
import { APPROVAL_UPDATE, CANCEL_UPDATE } from '../../../domain/saga-requests.ts';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { createModel } from '../../support/model-services.ts';
import { useSagaModels } from '../../support/saga-worker.ts';
import { violations } from '../../support/scripted-saga.ts';

const requests = {
  [APPROVAL_UPDATE]: { decision: 'reject', operator: 'maria', reason: 'unknown customer' },
  [CANCEL_UPDATE]: { reason: 'changed my mind' },
};

describe('a rejection and a cancellation that arrive together', function () {
  this.timeout(60_000);
  const { models, worker } = useSagaModels();

  for (const order of [
    [APPROVAL_UPDATE, CANCEL_UPDATE],
    [CANCEL_UPDATE, APPROVAL_UPDATE],
  ] as const)
    for (const moment of ['while the request for approval is written', 'while the saga waits'] as const)
      it(`${order.join(' before ')}, ${moment}: a rejection that was taken is recorded and is the reason`, () =>
        sendBoth(order, moment === 'while the saga waits'));

  async function sendBoth(updates: readonly (keyof typeof requests)[], isWaiting: boolean): Promise<void> {
    const placed = placedOrder();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const model = createModel(placed.id, {
      around: async (name, _nth, when) => {
        if (name === 'requestApproval' && when === 'after' && !isWaiting) await held;
      },
    });
    models.set(placed.id, model);
    const saga = await worker().client.workflow.start('orderSaga', {
      workflowId: orderWorkflowId(placed.id),
      taskQueue: worker().taskQueue,
      args: [
        {
          order: placed,
          settings: sagaSettings({ approvalLimitMinor: placed.totalMinor - 1, localSteps: [] }),
        },
      ],
    });
    await eventually(() => Promise.resolve(model.order().approval === 'REQUESTED' || undefined), {
      what: 'the saga asks for approval',
    });
    const sent = updates.map((update) =>
      saga.executeUpdate(update, { args: [requests[update]] }).then(
        () => update,
        () => undefined,
      ),
    );
    release();
    const outcome = (await saga.result()) as OrderOutcome;
    const taken = await Promise.all(sent);
    assert.deepEqual(violations({ model, order: outcome, letsParcelGo: false }), []);
    const isRejected = taken.includes(APPROVAL_UPDATE);
    assert.deepEqual(outcome, {
      status: 'CANCELLED',
      reason: isRejected ? 'APPROVAL_REJECTED' : 'CANCEL_REQUESTED',
    });
    assert.equal(model.order().approval, isRejected ? 'REFUSED' : 'REQUESTED');
    assert.ok(
      taken.some((update) => update !== undefined),
      'nothing was taken',
    );
  }
});
