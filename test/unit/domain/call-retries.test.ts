import assert from 'node:assert/strict';
import { finalCodes } from '../../../domain/call-retries.ts';
import { businessRefusals, stateConflicts, unknownOutcomes, updateRefusals } from '../../../domain/errors.ts';

describe('what ends the retries of a call', () => {
  it('is every answer and conflict, and for a step also an unknown outcome, which is queried first', () => {
    for (const code of [...businessRefusals, ...updateRefusals, ...stateConflicts, ...unknownOutcomes])
      assert.ok(finalCodes({ attempts: 'until done' }).includes(code), code);
  });

  it('is no unknown outcome for a compensation, which may be repeated', () => {
    const codes = finalCodes({ attempts: 'until stuck' });
    assert.deepEqual(
      unknownOutcomes.filter((code) => codes.includes(code)),
      [],
    );
  });

  it('is nothing that may pass, and no code that is not known', () => {
    for (const code of ['PAYMENT_UNAVAILABLE', 'STEP_TIMED_OUT', 'FAILED', 'UNAVAILABLE', 'NEW_CODE'])
      assert.ok(!finalCodes({ attempts: 'until done' }).includes(code), code);
  });
});
