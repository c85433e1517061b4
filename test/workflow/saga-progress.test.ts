import assert from 'node:assert/strict';
import type { SagaProgress, StepReport } from '../../domain/saga-requests.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import { readProgress } from '../../worker/saga-progress.ts';
import { progressOf, untilState, useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps } from '../support/fake-steps.ts';

const namesOf = (steps: readonly StepReport[]): string[] => steps.map(({ name }) => name);

describe('the query progress', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  it('tells what is done and to come, and with the pending activities what runs, its attempts and last error', async () => {
    const fake = createFakeSteps({ faults: { chargePayment: { code: 'PAYMENT_UNAVAILABLE', times: 2 } } });
    let seen: SagaProgress | undefined;
    const { chargePayment } = fake.steps;
    const watched: typeof chargePayment = async (order) => {
      if (fake.calls.filter((name) => name === 'chargePayment').length === 2)
        seen = await readProgress(sagas.environment().client, orderWorkflowId(order.id));
      return chargePayment(order);
    };
    const saga = await sagas.startOrder({ steps: { ...fake.steps, chargePayment: watched } });
    await saga.result();
    assert.ok(seen);
    assert.deepEqual([seen.saga, seen.state], ['Order saga', 'RUNNING']);
    assert.deepEqual(namesOf(seen.done), ['reserve inventory']);
    assert.deepEqual([seen.current?.name, seen.current?.attempts], ['charge payment', 3]);
    const { code, detail, at = '' } = seen.current?.lastError ?? {};
    assert.deepEqual([code, detail], ['PAYMENT_UNAVAILABLE', 'the payment provider was not available']);
    assert.ok(!Number.isNaN(Date.parse(at)), at);
    assert.deepEqual(seen.remaining, ['complete order']);
  });

  it('tells of no workflow that Temporal does not know', async () => {
    assert.equal(await readProgress(sagas.environment().client, 'order-unknown'), undefined);
  });

  it('tells each step with its times once the saga has ended', async () => {
    const saga = await sagas.startOrder(createFakeSteps());
    await saga.result();
    const { state, done, current, remaining, undone, failure } = await progressOf(saga);
    assert.deepEqual(
      [state, namesOf(done), current, remaining, undone, failure],
      ['ENDED', ['reserve inventory', 'charge payment', 'complete order'], undefined, [], [], undefined],
    );
    for (const { startedAt, endedAt, attempts } of done) {
      assert.ok(endedAt !== undefined && endedAt >= startedAt);
      assert.equal(attempts, 1);
    }
  });

  it('tells what failed, and what is undone, in that order', async () => {
    const saga = await sagas.startOrder(
      createFakeSteps({ faults: { chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity } } }),
    );
    await saga.result();
    const { done, failure, undone } = await progressOf(saga);
    assert.deepEqual(namesOf(done), ['reserve inventory']);
    assert.deepEqual([failure?.reason, failure?.step?.name], ['PAYMENT_DECLINED', 'charge payment']);
    assert.deepEqual(namesOf(undone), [
      'undo: give the money back',
      'undo: give the stock back',
      'cancel the order',
    ]);
  });

  it('tells which undo step is stuck, and since when', async () => {
    const saga = await sagas.startShipment(
      createFakeSteps({
        faults: {
          bookCarrier: { code: 'BOOKING_REFUSED', times: Infinity },
          releaseInventory: { code: 'INVENTORY_UNAVAILABLE', times: 3 },
        },
      }),
    );
    const { stuck, undone } = await untilState(saga, 'STUCK');
    assert.ok(stuck);
    assert.equal(stuck.undo, 'releaseInventory');
    assert.ok(!Number.isNaN(Date.parse(stuck.since)));
    assert.deepEqual(namesOf(undone), [
      'undo: take the booking back',
      'write that the shipment has failed',
      'undo: give the money back',
    ]);
    await saga.executeUpdate('resolveStuck', {
      args: [{ decision: 'retry', operator: 'maria', reason: 'the warehouse is back' }],
    });
    await saga.result();
  });
});
