import assert from 'node:assert/strict';
import { readPointsOf, readTokenOf } from '../../../api/reading/read-token.ts';
import { newId } from '../../../platform/clock.ts';

const point = (version: number) => ({ orderId: newId(), version });

describe('read tokens', () => {
  it('come back as they went out, one or several', () => {
    const [one, other] = [point(1), point(12)];
    assert.deepEqual(readPointsOf(readTokenOf(one)), [one]);
    assert.deepEqual(readPointsOf(`${readTokenOf(one)}, ${readTokenOf(other)}`), [one, other]);
  });

  it('go into a header as they are', () => {
    assert.match(readTokenOf(point(999_999_999)), /^[\w-]{1,100}$/);
  });

  it('that are none of ours, or too many, are refused by the name of the header', () => {
    const bad = [
      '',
      'abc',
      `${readTokenOf(point(1))},`,
      readTokenOf(point(0)),
      readTokenOf({ orderId: 'x', version: 1 }),
    ];
    for (const header of [...bad, Array.from({ length: 21 }, () => readTokenOf(point(1))).join(',')])
      assert.throws(() => readPointsOf(header), /: Read-Token: (is no token|may hold at most 20)/, header);
  });
});
