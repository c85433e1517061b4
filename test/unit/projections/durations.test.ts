import assert from 'node:assert/strict';
import fc from 'fast-check';
import { percentile, slotOf } from '../../../projections/durations.ts';

describe('durations in slots', () => {
  const duration = fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 90 * 86_400_000 }));

  it('a percentile is off by less than a tenth, or a millisecond', () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 100 }),
        fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1),
        (durations, share) => {
          const exact = [...durations].sort((a, b) => a - b)[
            Math.max(1, Math.ceil(share * durations.length)) - 1
          ]!;
          const told = percentile(
            durations.map((ms) => ({ slot: slotOf(ms), times: 1 })),
            share,
          );
          assert.ok(Math.abs(told! - exact) <= Math.max(1, exact / 10), `${told} for ${exact}`);
        },
      ),
    );
  });

  it('counts of the same slot may come in any number of parts, in any order', () => {
    const whole = [
      { slot: 10, times: 5 },
      { slot: 40, times: 5 },
    ];
    const parts = [
      { slot: 40, times: 2 },
      { slot: 10, times: 5 },
      { slot: 40, times: 3 },
    ];
    assert.equal(percentile(whole.slice(0, 1), 0.5), percentile(parts.slice(1, 2), 0.5));
    assert.equal(percentile(whole, 0.3), percentile(parts, 0.3));
    assert.equal(percentile(whole, 1), percentile(parts, 1));
    assert.equal(percentile(whole, 0.8), percentile(parts, 0.8));
  });

  it('nothing counted has no percentile; clocks that differ make the shortest', () => {
    assert.equal(percentile([], 0.5), null);
    assert.equal(slotOf(-5), slotOf(0));
  });
});
