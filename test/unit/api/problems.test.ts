import assert from 'node:assert/strict';
import { codeOf } from '../../../api/problems.ts';

/** As http-errors makes them, which Express and its middleware throw. */
const httpError = (status: unknown, expose: unknown): Error =>
  Object.assign(new Error('no'), { status, expose });

describe('an error of Express', () => {
  it('that may be shown is the caller’s fault, whatever its status', () => {
    assert.equal(codeOf(httpError(412, true)), 'MALFORMED_REQUEST');
    assert.equal(codeOf(httpError(416, true)), 'MALFORMED_REQUEST');
    assert.equal(codeOf(httpError(415, true)), 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('of another kind stays a fault of ours', () => {
    for (const error of [
      httpError(500, true),
      httpError(404, false),
      httpError('412', true),
      { status: 412 },
    ])
      assert.equal(codeOf(error), undefined);
  });
});
