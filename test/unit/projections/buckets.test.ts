import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bucketsIn, type Buckets, type Grain } from '../../../projections/buckets.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;

const grains = fc.constantFrom<readonly Grain[]>([15, 60, 360, 1_440], [15, 1_440], [15, 60], [15]);
const span = fc
  .tuple(fc.integer({ min: -400, max: 400 }), fc.integer({ min: -400, max: 400 }))
  .map(([a, b]) => ({ from: Math.min(a, b) * QUARTER_MS, to: Math.max(a, b) * QUARTER_MS }));

const widthOf = ({ grain }: Pick<Buckets, 'grain'>): number => grain * MINUTE_MS;
const count = (found: readonly Buckets[]): number =>
  found.reduce((sum, buckets) => sum + (buckets.to - buckets.from) / widthOf(buckets), 0);

describe('the buckets that cover a span', () => {
  it('follow each other from its beginning to its end, each where a bucket of its width is', () => {
    fc.assert(
      fc.property(span, grains, ({ from, to }, kept) => {
        let at = from;
        for (const buckets of bucketsIn({ from, to }, kept)) {
          assert.equal(buckets.from, at);
          assert.ok(buckets.to > at && kept.includes(buckets.grain));
          for (const edge of [buckets.from, buckets.to]) assert.ok(edge % widthOf(buckets) === 0);
          at = buckets.to;
        }
        assert.equal(at, to);
      }),
    );
  });

  it('are as few as can be', () => {
    fc.assert(
      fc.property(span, grains, ({ from, to }, kept) => {
        assert.equal(count(bucketsIn({ from, to }, kept)), fewest(from, to, kept));
      }),
    );
  });
});

/** The shortest way from quarter to quarter, each step being a bucket. */
function fewest(from: number, to: number, kept: readonly Grain[]): number {
  const steps = new Map([[from, 0]]);
  for (let at = from; at < to; at += QUARTER_MS) {
    const next = (steps.get(at) ?? Infinity) + 1;
    for (const grain of kept) {
      const end = at + widthOf({ grain });
      if (at % widthOf({ grain }) === 0 && next < (steps.get(end) ?? Infinity)) steps.set(end, next);
    }
  }
  return steps.get(to) ?? Infinity;
}
