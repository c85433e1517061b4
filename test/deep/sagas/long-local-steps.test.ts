import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { OrderOutcome } from '../../../domain/order-saga.ts';
import { CANCEL_UPDATE } from '../../../domain/saga-requests.ts';
import type { CallName } from '../../../domain/saga-steps.ts';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../../support/builders.ts';
import { createModel, type Model } from '../../support/model-services.ts';
import { useSagaModels } from '../../support/saga-worker.ts';
import { violations } from '../../support/scripted-saga.ts';

/** A tenth of what a worker gives its workflow tasks, so that a step of some seconds is far longer. */
const TASK_TIMEOUT = '1 s';
const STEP_MS = 3_000;

describe('a local step that takes longer than a workflow task may', function () {
  this.timeout(60_000);
  const { models, worker } = useSagaModels();

  for (const slow of ['orderStatus', 'reserveInventory', 'releaseInventory', 'cancelOrder'] as CallName[])
    it(`${slow}: a cancellation meanwhile is carried out, with the customer's reason, and nothing is kept`, async () => {
      const order = placedOrder();
      const began = new Set<CallName>();
      const model: Model = createModel(order.id, {
        outcomes: { chargePayment: ['refused'] },
        around: async (name, nth, when) => {
          if (name !== slow || nth > 1 || when === 'after') return;
          began.add(name);
          await pause(STEP_MS);
        },
      });
      models.set(order.id, model);
      const saga = await worker().client.workflow.start('orderSaga', {
        workflowId: orderWorkflowId(order.id),
        taskQueue: worker().taskQueue,
        args: [{ order, settings: sagaSettings({ retryPauseMs: 1 }) }],
        workflowTaskTimeout: TASK_TIMEOUT,
      });
      while (!began.has(slow)) await pause(20);
      await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
      const outcome = (await saga.result()) as OrderOutcome;
      assert.deepEqual(violations({ model, order: outcome, letsParcelGo: false }), []);
      const isBefore = slow === 'orderStatus' || slow === 'reserveInventory';
      assert.deepEqual(outcome, {
        status: 'CANCELLED',
        reason: isBefore ? 'CANCEL_REQUESTED' : 'PAYMENT_DECLINED',
      });
    });
});
