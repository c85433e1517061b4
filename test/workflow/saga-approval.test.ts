import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { ApprovalDecision } from '../../domain/desk.ts';
import { APPROVAL_UPDATE, CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { orderSaga } from '../../workflows/index.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { isRefusal, useFakeSagas } from '../support/fake-sagas.ts';
import { createFakeSteps, type FakeSteps } from '../support/fake-steps.ts';

const { approvalMs } = sagaSettings().deadlines;
const LIMIT = 100_000;

describe('an order above the approval limit', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  const start = async (
    fake: FakeSteps,
    totalMinor = LIMIT + 1,
  ): Promise<WorkflowHandle<typeof orderSaga>> => {
    const saga = await sagas.startOrder({
      ...fake,
      order: placedOrder({ totalMinor }),
      settings: { approvalLimitMinor: LIMIT },
    });
    if (totalMinor > LIMIT)
      await eventually(() => Promise.resolve(fake.done.includes('requestApproval') || undefined), {
        what: 'approval is asked for',
      });
    return saga;
  };
  const decide = (saga: WorkflowHandle, decision: ApprovalDecision['decision']): Promise<unknown> =>
    saga.executeUpdate(APPROVAL_UPDATE, {
      args: [{ decision, operator: 'maria', reason: 'known customer' }],
    });
  const isRefused = isRefusal('NOT_WAITING_FOR_APPROVAL');

  it('waits before anything is held, and goes on when it is approved', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    await sagas.environment().sleep(approvalMs / 2);
    assert.deepEqual(fake.calls, ['requestApproval']);
    await decide(saga, 'approve');
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
    assert.deepEqual(fake.calls.slice(1), [
      'recordApproval',
      'reserveInventory',
      'chargePayment',
      'completeOrder',
    ]);
  });

  it('is cancelled when it is rejected, with who rejected it and why', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    await decide(saga, 'reject');
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'APPROVAL_REJECTED' });
    // Reserving is a local step here: a lost workflow task may have run it, whatever the history says.
    assert.deepEqual(fake.calls, ['requestApproval', 'recordApproval', 'releaseInventory', 'cancelOrder']);
    assert.deepEqual(fake.cancelled, ['APPROVAL_REJECTED', 'rejected by maria: known customer']);
  });

  it('is cancelled when nobody decides in time', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'APPROVAL_OVERDUE' });
    assert.deepEqual(fake.calls, ['requestApproval', 'releaseInventory', 'cancelOrder']);
    const { startTime, closeTime } = await saga.describe();
    assert.ok(Number(closeTime) - Number(startTime) >= approvalMs);
  });

  it('that is not approved holds no stock and charges nothing, also when every step leaves its trace', async () => {
    const fake = createFakeSteps();
    const saga = await sagas.startOrder({
      ...fake,
      order: placedOrder({ totalMinor: LIMIT + 1 }),
      settings: { approvalLimitMinor: LIMIT, localSteps: [] },
    });
    await saga.result();
    // The release finds nothing; it fences a reservation of an earlier run.
    assert.deepEqual(fake.calls, ['requestApproval', 'releaseInventory', 'cancelOrder']);
  });

  it('can be cancelled by its customer while it waits', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    await saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
    assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
    assert.deepEqual(fake.cancelled, ['CANCEL_REQUESTED', 'changed my mind']);
  });

  it('takes one decision, and only while it waits', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fake = createFakeSteps();
    const saga = await start({ ...fake, steps: { ...fake.steps, chargePayment: () => held } });
    await decide(saga, 'approve');
    await assert.rejects(decide(saga, 'reject'), isRefused);
    release();
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
  });

  it('is one above it: at the limit nobody is asked', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake, LIMIT);
    assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
    assert.ok(!fake.calls.includes('requestApproval'));
  });
});
