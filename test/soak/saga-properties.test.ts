import assert from 'node:assert/strict';
import { brokenPromises } from '../support/saga-promises.ts';

const RUNS = 10_000;

describe('sagas under random scripts', function () {
  this.timeout(RUNS * 1_000);

  it(`${RUNS} orders keep the promises, whatever steps, customers and operators do`, async () => {
    assert.deepEqual(await brokenPromises({ runs: RUNS }), []);
  });
});
