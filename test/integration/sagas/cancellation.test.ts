import { cancelsAtEveryEvent } from '../../support/cancelled-sagas.ts';
import { routedToModels, type Model } from '../../support/model-services.ts';
import { startSagaWorker, type SagaWorker } from '../../support/saga-worker.ts';
import { sagaBundle } from '../../support/workflow-env.ts';

// The time-skipping server loses its way when an update arrives while a call ends; a real one does not.
describe("a cancellation that arrives with a call's end", function () {
  this.timeout(60_000);
  const models = new Map<string, Model>();
  let worker: SagaWorker;

  before(async function () {
    this.timeout(300_000);
    worker = await startSagaWorker(sagaBundle, routedToModels(models));
  });
  after(() => worker.close());

  cancelsAtEveryEvent("with each call's end", 8, () => ({ ...worker, models }));
});
