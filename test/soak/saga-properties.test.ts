import assert from 'node:assert/strict';
import fc from 'fast-check';
import { routedToModels, type Model } from '../support/model-services.ts';
import { play, scripts, violations, type Script } from '../support/scripted-saga.ts';
import { startSagaWorker, type SagaWorker } from '../support/saga-worker.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';

const RUNS = 10_000;
/** Orders that run at the same time. */
const BATCH = 100;
const LIMIT_MS = 60_000;

describe('sagas under random scripts', function () {
  this.timeout(RUNS * 1_000);
  const models = new Map<string, Model>();
  let worker: SagaWorker;

  before(async function () {
    this.timeout(300_000);
    worker = await startSagaWorker(bundleWorkflows, routedToModels(models));
  });
  after(() => worker.close());

  const playWithin = async (script: Script): Promise<string | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`not ended within ${LIMIT_MS} ms: ${JSON.stringify(script)}`));
      }, LIMIT_MS);
    });
    const result = await Promise.race([play(script, { ...worker, models }), limit]);
    clearTimeout(timer);
    const faults = violations(result);
    return faults.length === 0
      ? undefined
      : `${faults.join('; ')}\n${JSON.stringify(script)}\n${result.model.calls.join(' ')}`;
  };

  it(`${RUNS} orders keep the promises, whatever steps, customers and operators do`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scripts, { minLength: BATCH, maxLength: BATCH }), async (batch) => {
        const broken = await Promise.all(batch.map(playWithin));
        models.clear();
        assert.deepEqual(
          broken.filter((text) => text !== undefined),
          [],
        );
      }),
      { numRuns: Math.ceil(RUNS / BATCH), endOnFailure: true },
    );
  });
});
