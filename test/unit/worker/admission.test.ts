import assert from 'node:assert/strict';
import { createAdmission } from '../../../worker/admission.ts';

describe('the admission of new sagas', () => {
  const open = (...waits: (number | Error)[]) => {
    const told: [boolean, number][] = [];
    const failures: unknown[] = [];
    const admission = createAdmission({
      longestWaitMs: () => {
        const wait = waits.length > 1 ? waits.shift() : waits[0];
        return wait instanceof Error ? Promise.reject(wait) : Promise.resolve(wait ?? 0);
      },
      onHeldBack: (...what) => told.push(what),
      onFailure: (error) => failures.push(error),
      pollMs: 1,
      holdAtMostMs: 50,
    });
    return { admission, told, failures };
  };
  const { signal } = new AbortController();

  it('sets no limit while no task waits for long', async () => {
    const { admission, told } = open(0, 900);
    assert.equal(await admission.admitted(signal), Infinity);
    assert.equal(await admission.admitted(signal), Infinity);
    assert.deepEqual(told, []);
  });

  it('waits while tasks of sagas in progress wait, and tells the beginning and the end of that once', async () => {
    const { admission, told } = open(4_000, 3_000, 1_200, 500);
    assert.equal(await admission.admitted(signal), Infinity);
    assert.deepEqual(told, [
      [true, 4_000],
      [false, 500],
    ]);
  });

  it('lets a few pass from time to time however long tasks wait, so that orders never stand still', async () => {
    const { admission, told } = open(60_000);
    for (let time = 0; time < 2; time++) {
      const admitted = await admission.admitted(signal);
      assert.ok(admitted >= 1 && admitted < 32);
    }
    assert.equal(told.length, 1);
  });

  it('holds nothing back while the server does not say how long tasks wait', async () => {
    const { admission, failures } = open(new Error('unavailable'));
    assert.equal(await admission.admitted(signal), Infinity);
    assert.equal(failures.length, 1);
  });

  it('ends when it is aborted', async () => {
    const stop = new AbortController();
    const { admission } = open(60_000);
    const admitted = admission.admitted(stop.signal);
    stop.abort();
    await admitted;
  });
});
