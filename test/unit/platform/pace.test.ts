import assert from 'node:assert/strict';
import { forEachOf, paced } from '../../../platform/pace.ts';

describe('a paced loop', () => {
  it('begins at once and takes the time that its rate gives it', async () => {
    const next = paced(100);
    const startedAt = performance.now();
    for (let i = 0; i < 11; i++) await next();
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 95, `${tookMs} ms for 10 intervals of 10 ms`);
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    const next = paced(0.001, controller.signal);
    await next();
    const waiting = next();
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  });
});

describe('items that are handled some at a time', () => {
  it('are all handled, and never more at once than allowed', async () => {
    let atOnce = 0;
    let most = 0;
    const handled: number[] = [];
    await forEachOf([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++atOnce);
      await new Promise(setImmediate);
      atOnce -= 1;
      handled.push(item);
    });
    assert.deepEqual([handled.sort(), most], [[1, 2, 3, 4, 5], 2]);
  });

  it('fail with the first failure, after the running ones have ended', async () => {
    let ended = 0;
    const handling = forEachOf([1, 2], 2, async (item) => {
      if (item === 1) throw new Error('no 1');
      await new Promise(setImmediate);
      ended += 1;
    });
    await assert.rejects(handling, /no 1/);
    assert.equal(ended, 1);
  });
});
