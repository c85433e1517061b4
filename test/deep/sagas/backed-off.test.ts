import assert from 'node:assert/strict';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { failWith } from '../../../activities/failures.ts';
import type { OrderOutcome } from '../../../domain/order-saga.ts';
import { CANCEL_UPDATE } from '../../../domain/saga-requests.ts';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { readProgress } from '../../../worker/saga-progress.ts';
import { placedOrder, sagaSettings } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { createModel, type Model } from '../../support/model-services.ts';
import { useSagaModels } from '../../support/saga-worker.ts';

const DAY = 24 * 3_600_000;
const FAILURES = 5;

describe('a saga whose provider is away, on a real Temporal server', function () {
  this.timeout(60_000);
  const { models, worker } = useSagaModels();

  /** The charge fails many times in a row, and then waits a day for its next attempt. */
  async function startBackedOff(): Promise<{ saga: WorkflowHandle; model: Model; client: Client }> {
    const order = placedOrder();
    const model: Model = createModel(order.id, {
      around: (name, nth, when) => {
        if (name !== 'chargePayment' || when === 'after' || nth > FAILURES) return Promise.resolve();
        const retryAfterMs = nth === FAILURES ? DAY : 1;
        return Promise.reject(failWith('PAYMENT_UNAVAILABLE', {}, { retryAfterMs }));
      },
    });
    models.set(order.id, model);
    const { client, taskQueue } = worker();
    const saga = await client.workflow.start('orderSaga', {
      workflowId: orderWorkflowId(order.id),
      taskQueue,
      args: [{ order, settings: sagaSettings({ retryPauseMs: 1 }) }],
    });
    return { saga, model, client };
  }

  const untilBackedOff = (client: Client, { workflowId }: WorkflowHandle): Promise<unknown> =>
    eventually(
      async () => {
        const { current } = (await readProgress(client, workflowId)) ?? {};
        return current?.attempts === FAILURES + 1 ? current : undefined;
      },
      { what: `${workflowId} waits for its next attempt` },
    );

  it('leaves no event for an attempt, shows the last error, and goes on at once when the activity is reset', async () => {
    const { saga, client } = await startBackedOff();
    await untilBackedOff(client, saga);
    const progress = await readProgress(client, saga.workflowId);
    assert.equal(progress?.current?.lastError?.code, 'PAYMENT_UNAVAILABLE');
    const { historyLength } = await saga.describe();
    assert.ok(historyLength < 15, `${historyLength} events`);
    await client.workflowService.resetActivity({
      namespace: client.options.namespace,
      execution: { workflowId: saga.workflowId },
      type: 'chargePayment',
    });
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
  });

  it('is cancelled at once, and the call is not made again', async () => {
    const { saga, model, client } = await startBackedOff();
    await untilBackedOff(client, saga);
    await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
    const outcome = (await saga.result()) as OrderOutcome;
    assert.deepEqual(outcome, { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
    assert.equal(model.calls.filter((name) => name === 'chargePayment').length, FAILURES);
    assert.equal(model.world.charge, 'VOIDED');
  });
});
