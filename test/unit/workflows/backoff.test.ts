import assert from 'node:assert/strict';
import { pauseAfter } from '../../../workflows/backoff.ts';

describe('pauses between the rounds of a loop in workflow code', () => {
  const MINUTE = 60_000;

  it('double from a second to 5 minutes, and become three times as long after 15 rounds', () => {
    assert.deepEqual([1, 2, 9, 10, 15, 16, 17].map(pauseAfter), [
      1_000,
      2_000,
      256_000,
      5 * MINUTE,
      5 * MINUTE,
      15 * MINUTE,
      45 * MINUTE,
    ]);
  });

  it('fill 30 days with 23 rounds', () => {
    const rounds = Array.from({ length: 23 }, (_none, index) => pauseAfter(index + 1));
    assert.ok(rounds.reduce((sum, pause) => sum + pause, 0) > 30 * 24 * 60 * MINUTE);
  });
});
