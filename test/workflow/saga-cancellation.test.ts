import { cancelsAtEveryEvent, cancelsBeforeTheBeginning } from '../support/cancelled-sagas.ts';
import { routedToModels, type Model } from '../support/model-services.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';

describe('a cancellation at every event of a saga', function () {
  this.timeout(180_000);
  const models = new Map<string, Model>();
  let environment: WorkflowEnvironment;

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(routedToModels(models));
  });
  after(() => environment.close());

  describe('before the first', () => {
    cancelsBeforeTheBeginning(() => ({ ...environment, models }));
  });

  cancelsAtEveryEvent('during each call', 1, () => ({ ...environment, models }));
});
