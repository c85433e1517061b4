import assert from 'node:assert/strict';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { failWith, toFailure, withFailures, withStepFailures } from '../../../activities/failures.ts';
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

  it('whether a conflict or an infrastructure error is retried is left to the call, and it is logged as a fault', () => {
    for (const code of [...stateConflicts, ...infrastructureErrors]) {
      const { type, nonRetryable, category } = failureOf(code);
      assert.deepEqual([type, nonRetryable], [code, false]);
      assert.notEqual(category, ApplicationFailureCategory.BENIGN);
    }
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

  it('a step that has failed 40 times waits 5 minutes for its next attempt, and until then as its policy says', async () => {
    const steps = withStepFailures({
      act: () => Promise.reject(new OrderSystemError('PAYMENT_UNAVAILABLE', 'away')),
    });
    for (const [attempt, nextRetryDelay] of [
      [1, undefined],
      [40, undefined],
      [41, 300_000],
    ] as const) {
      const environment = new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') });
      await assert.rejects(environment.run(steps.act), (failure: ApplicationFailure) => {
        assert.equal(failure.nextRetryDelay, nextRetryDelay);
        return true;
      });
    }
  });

  it('every activity is mapped', async () => {
    const activities = withFailures({
      act: () => Promise.reject(new OrderSystemError('OUT_OF_STOCK', 'none left')),
    });
    await assert.rejects(activities.act(), { name: 'ApplicationFailure', type: 'OUT_OF_STOCK' });
  });
});
