import assert from 'node:assert/strict';
import { createAdmission } from '../../../worker/admission.ts';

describe('the admission of new sagas', () => {
  /** @param free how many the worker could take, from one look to the next; the last one stays */
  const open = (free: number[], times: object = {}) => {
    const told: boolean[] = [];
    const admission = createAdmission({
      free: () => (free.length > 1 ? free.shift() : free[0]) ?? 0,
      onHeldBack: (isHeldBack) => told.push(isHeldBack),
      times: { pollMs: 10, ...times },
    });
    return { ...admission, told };
  };
  const { signal } = new AbortController();
  const none = (): number => 0;

  it('lets as many begin as the worker has room for, less those that are about to', async () => {
    assert.equal(await open([8]).admitted(none, signal), 8);
    assert.equal(await open([8]).admitted(() => 3, signal), 5);
  });

  it('waits until those in progress leave room, and says nothing of a moment', async () => {
    const { admitted, told } = open([0, 2]);
    assert.equal(await admitted(none, signal), 2);
    assert.deepEqual(told, []);
  });

  it('counts those that are being started anew at each look', async () => {
    const starting = [8, 8, 5];
    assert.equal(await open([8]).admitted(() => starting.shift() ?? 0, signal), 3);
  });

  it('tells once that sagas are held back, and once that they no longer are', async () => {
    const { admitted, told } = open([0, 0, 0, 0, 0, 1], { tellAfterMs: 20, overAfterMs: 0 });
    assert.equal(await admitted(none, signal), 1);
    assert.deepEqual(told, [true]);
    assert.equal(await admitted(none, signal), 1);
    assert.deepEqual(told, [true, false]);
  });

  it('lets a few pass from time to time however busy the worker is, so that orders never stand still', async () => {
    const { admitted, told } = open([-3], { tellAfterMs: 20, holdAtMostMs: 100 });
    for (let time = 0; time < 2; time++) {
      const few = await admitted(none, signal);
      assert.ok(few >= 1 && few < 8);
    }
    assert.deepEqual(told, [true]);
  });

  it('ends when it is aborted', async () => {
    const stop = new AbortController();
    const admission = createAdmission({ free: () => 0, onHeldBack: () => undefined });
    const admitted = admission.admitted(none, stop.signal);
    stop.abort();
    await admitted;
  });
});
