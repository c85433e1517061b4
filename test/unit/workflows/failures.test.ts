import assert from 'node:assert/strict';
import { RetryState, TimeoutType } from '@temporalio/common';
import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/workflow';
import { failureDetail } from '../../../domain/failure-texts.ts';
import { failureOf, failWith, isCancelReason, refusal, safeFailureOf } from '../../../workflows/failures.ts';

const ofActivity = (cause: Error): ActivityFailure =>
  new ActivityFailure('Activity task failed', 'reserveInventory', '1', RetryState.TIMEOUT, 'worker', cause);

describe('why a step of a saga failed', () => {
  it('is described by code and fields, and never by the message of an error', () => {
    const cause = ApplicationFailure.create({
      type: 'OUT_OF_STOCK',
      message: 'select 1 from inventory.stock',
      details: [{ lines: [{ sku: 'FILTER', quantity: 6 }] }],
    });
    assert.deepEqual(failureOf(ofActivity(cause)), {
      reason: 'OUT_OF_STOCK',
      detail: 'not enough in stock: 6 × FILTER',
    });
  });

  it('is FAILED with a fixed text where no code is known', () => {
    const failed = { reason: 'FAILED', detail: failureDetail('FAILED') };
    for (const cause of [ApplicationFailure.create({ type: 'TypeError', message: 'x' }), new Error('x')])
      assert.deepEqual(failureOf(ofActivity(cause)), failed);
  });

  it('is STEP_TIMED_OUT where no answer came in time', () => {
    const timeout = new TimeoutFailure(
      'activity StartToClose timeout',
      undefined,
      TimeoutType.START_TO_CLOSE,
    );
    assert.deepEqual(failureOf(ofActivity(timeout)), {
      reason: 'STEP_TIMED_OUT',
      detail: 'the step got no answer in time',
    });
  });

  it('is CANCEL_REQUESTED where the workflow was asked to cancel', () => {
    assert.equal(failureOf(new CancelledFailure('x')).reason, 'CANCEL_REQUESTED');
    assert.equal(failureOf(ofActivity(new CancelledFailure('x'))).reason, 'CANCEL_REQUESTED');
  });

  it('a refusal of an update is no reason to cancel, and keeps its code', () => {
    const refused = ofActivity(refusal('NOT_STUCK', { workflowId: 'order-1' }));
    assert.equal(failureOf(refused).reason, 'NOT_STUCK');
    assert.equal(isCancelReason('NOT_STUCK'), false);
    const { code, detail } = safeFailureOf(refused);
    assert.deepEqual([code, detail], ['NOT_STUCK', 'order-1 does not wait for a decision']);
  });

  it('a defect in workflow code is thrown on', () => {
    const defect = new TypeError('x is not a function');
    assert.throws(() => failureOf(defect), defect);
  });

  it('a workflow fails with code, fixed text and fields, and without a stack trace', () => {
    const { type, message, nonRetryable, details, stack } = failWith('PAYMENT_UNAVAILABLE', { attempts: 3 });
    assert.deepEqual(
      [type, message, nonRetryable, details, stack],
      [
        'PAYMENT_UNAVAILABLE',
        'the payment provider was not available in 3 attempts',
        true,
        [{ attempts: 3 }],
        '',
      ],
    );
  });
});
