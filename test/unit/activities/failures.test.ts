import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/activity';
import { toFailure, withFailures } from '../../../activities/failures.ts';
import { businessRefusals, infrastructureErrors, OrderSystemError } from '../../../domain/errors.ts';

const failureOf = (code: ConstructorParameters<typeof OrderSystemError>[0]): ApplicationFailure => {
  const failure = toFailure(new OrderSystemError(code, 'why'));
  assert.ok(failure instanceof ApplicationFailure);
  return failure;
};

describe('activity failures', () => {
  it('a business refusal keeps its code and is not retried', () => {
    for (const code of businessRefusals) {
      assert.deepEqual([failureOf(code).type, failureOf(code).nonRetryable], [code, true]);
    }
  });

  it('an infrastructure error is retried, except an unknown outcome, which must be asked for first', () => {
    const retried = infrastructureErrors.filter((code) => !failureOf(code).nonRetryable);
    assert.deepEqual(retried, ['INVENTORY_UNAVAILABLE', 'PAYMENT_UNAVAILABLE', 'CARRIER_UNAVAILABLE']);
  });

  it('an error without a code passes as it is, and every activity is mapped', async () => {
    const plain = new Error('socket closed');
    assert.equal(toFailure(plain), plain);
    const activities = withFailures({
      act: () => Promise.reject(new OrderSystemError('OUT_OF_STOCK', 'none left')),
    });
    await assert.rejects(activities.act(), { name: 'ApplicationFailure', type: 'OUT_OF_STOCK' });
  });
});
