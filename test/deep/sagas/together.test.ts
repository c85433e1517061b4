import assert from 'node:assert/strict';
import { join } from 'node:path';
import { bundleWithPlanted } from '../../support/planted-bundle.ts';
import { brokenWhenTogether } from '../../support/saga-promises.ts';
import { cancelledAsItLeaves } from '../../support/scripted-saga.ts';

const RUNS = 60;

describe('sagas to which things arrive in one workflow task', function () {
  this.timeout(RUNS * 8_000);

  it(`${RUNS} orders keep the promises, in whatever order signals, updates, timers and results arrive`, async () => {
    assert.deepEqual(await brokenWhenTogether({ runs: RUNS }), []);
  });

  it('show a parcel that has left and is refunded, because a cancellation was pending', async () => {
    const trial = { runs: 30, from: cancelledAsItLeaves };
    assert.deepEqual(await brokenWhenTogether(trial), []);
    const planted = join(import.meta.dirname, 'planted/pending-cancellation-wins.ts');
    const bundle = (): Promise<{ code: string }> => bundleWithPlanted(planted, './cancellation.ts');
    assert.match(
      (await brokenWhenTogether({ ...trial, bundle })).join('\n'),
      /refunded for CANCEL_REQUESTED, and the parcel is DISPATCHED/,
    );
  });
});
