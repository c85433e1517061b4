import assert from 'node:assert/strict';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { failWith, toFailure, withFailures } from '../../../activities/failures.ts';
import {
  businessRefusals,
  infrastructureErrors,
  OrderSystemError,
  stateConflicts,
  updateRefusals,
  type ErrorCode,
} from '../../../domain/errors.ts';
import { errorOf, failureDetail } from '../../../domain/failure-texts.ts';

const failureOf = (code: ErrorCode): ApplicationFailure => {
  const failure = toFailure(new OrderSystemError(code, 'why'));
  assert.ok(failure instanceof ApplicationFailure);
  return failure;
};

describe('activity failures', () => {
  it('a refusal keeps its code and is not retried', () => {
    for (const code of [...businessRefusals, ...updateRefusals]) {
      const { type, nonRetryable, category } = failureOf(code);
      assert.deepEqual([type, nonRetryable, category], [code, true, ApplicationFailureCategory.BENIGN]);
    }
  });

  it('a conflict with our own books is not retried by the server, and is logged as a fault', () => {
    for (const code of stateConflicts) {
      const { type, nonRetryable, category } = failureOf(code);
      assert.deepEqual([type, nonRetryable], [code, true]);
      assert.notEqual(category, ApplicationFailureCategory.BENIGN);
    }
  });

  it('an infrastructure error is retried, except an unknown outcome, which must be asked for first', () => {
    const retried = infrastructureErrors.filter((code) => !failureOf(code).nonRetryable);
    assert.deepEqual(retried, [
      'INVENTORY_UNAVAILABLE',
      'PAYMENT_UNAVAILABLE',
      'CARRIER_UNAVAILABLE',
      'STEP_TIMED_OUT',
    ]);
  });

  it('an error without a code fails with FAILED and its fixed text, and is retried', () => {
    const failure = toFailure(new Error('select 1 from orders.orders', { cause: new Error('127.0.0.1') }));
    assert.ok(failure instanceof ApplicationFailure);
    const { type, message, nonRetryable, details, cause, stack } = failure;
    assert.deepEqual(
      { type, message, nonRetryable, details, cause, stack },
      {
        type: 'FAILED',
        message: failureDetail('FAILED'),
        nonRetryable: false,
        details: [{}],
        cause: undefined,
        stack: '',
      },
    );
  });

  it('a failure that an adapter made itself keeps neither its message nor its cause', () => {
    const failure = toFailure(
      ApplicationFailure.create({ type: 'OUT_OF_STOCK', message: 'at /a/b.ts', cause: new Error('x') }),
    );
    assert.deepEqual([failure.message, failure.cause], ['not enough in stock', undefined]);
  });

  it('fields that the code declares pass as details, and fill in the text', () => {
    const failure = toFailure(errorOf('OUT_OF_STOCK', { lines: [{ sku: 'FILTER', quantity: 6 }] }));
    assert.ok(failure instanceof ApplicationFailure);
    assert.equal(failure.message, 'not enough in stock: 6 × FILTER');
    assert.deepEqual(failure.details, [{ lines: [{ sku: 'FILTER', quantity: 6 }] }]);
  });

  it('a cancellation, and what was made to be thrown, pass as they are', () => {
    const cancelled = new CancelledFailure('cancelled');
    const fenced = failWith('RELAY_FENCED', {}, { retryAfterMs: 5_000 });
    assert.deepEqual([toFailure(cancelled), toFailure(fenced)], [cancelled, fenced]);
    assert.equal(fenced.nextRetryDelay, 5_000);
  });

  it('every activity is mapped', async () => {
    const activities = withFailures({
      act: () => Promise.reject(new OrderSystemError('OUT_OF_STOCK', 'none left')),
    });
    await assert.rejects(activities.act(), { name: 'ApplicationFailure', type: 'OUT_OF_STOCK' });
  });
});
