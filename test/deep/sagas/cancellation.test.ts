import { cancelsAtEveryEvent } from '../../support/cancelled-sagas.ts';
import { useSagaModels } from '../../support/saga-worker.ts';

// The time-skipping server loses its way when an update arrives while a call ends; a real one does not.
describe("a cancellation that arrives with a call's end", function () {
  this.timeout(60_000);
  const { models, worker } = useSagaModels();

  cancelsAtEveryEvent("with each call's end", 8, () => ({ ...worker(), models }));
});
