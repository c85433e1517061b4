import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  count,
  heldOf,
  lacking,
  say,
  withVersion,
  type Range,
  type Versions,
} from '../../../activities/audit/versions.ts';

describe('the versions that a store holds of an aggregate', () => {
  const holding = (versions: readonly number[]): Versions | undefined =>
    versions.reduce<Versions | undefined>(withVersion, undefined);
  const each = (ranges: readonly Range[]): number[] =>
    ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n));
  const versions = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 });

  it('are told apart from those that it lacks, in whatever order they come', () => {
    fc.assert(
      fc.property(versions, versions, fc.integer({ min: 0, max: 40 }), (some, others, upTo) => {
        const all = Array.from({ length: upTo }, (_, n) => n + 1);
        const missing = lacking(holding(some), upTo);
        assert.deepEqual(
          each(missing),
          all.filter((version) => !some.includes(version)),
        );
        assert.equal(count(missing), each(missing).length);
        assert.deepEqual(
          each(heldOf(missing, holding(others))),
          each(missing).filter((version) => others.includes(version)),
        );
      }),
    );
  });

  it('that are held already change nothing', () => {
    const held = holding([1, 3, 7]);
    for (const version of [1, 3, 7]) assert.equal(withVersion(held, version), held);
  });

  it('may be any numbers: what is between two of them takes no memory', () => {
    const far = holding([1, Number.MAX_SAFE_INTEGER, 5]);
    assert.deepEqual(far?.missing, [
      [2, 4],
      [6, Number.MAX_SAFE_INTEGER - 1],
    ]);
    assert.equal(say(lacking(far, 2_000_000_000)), 'versions 2 to 4, 6 to 2000000000');
    assert.equal(say([[3, 3]]), 'version 3');
  });
});
