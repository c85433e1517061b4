import assert from 'node:assert/strict';
import { createProgress } from '../../../projections/rebuild/progress.ts';
import { furthest, spanOf } from '../../../projections/rebuild/positions.ts';

describe('progress of a rebuild', () => {
  it('says every few seconds how far it is, how fast, and how long it still takes', () => {
    const told: string[] = [];
    let now = 0;
    const progress = createProgress(
      'sales',
      (line) => told.push(line),
      () => now,
    );
    now = 1_000;
    progress.moved(1_000, 0.1);
    now = 4_000;
    progress.moved(4_000, 0.4);
    now = 5_000;
    progress.moved(5_000, 0.5);
    now = 8_000;
    progress.moved(8_000, undefined);
    assert.deepEqual(told, ['sales: 40 %, 4,000 events, 1,000/s, 6 s left', 'sales: 8,000 events, 1,000/s']);
  });
});

describe('places in a stream', () => {
  it('a partition that stands still says nothing about where to begin', () => {
    assert.deepEqual(spanOf([5, 100, 90], [5, 120, 110]), { after: 90, last: 120 });
    assert.equal(spanOf([5, 100], [5, 90]), undefined);
  });

  it('none goes back', () => {
    assert.deepEqual(furthest([5, 100], [7, 90]), [7, 100]);
  });
});
