import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { SagaRuns } from '../activities/saga-watch/saga-runs.ts';
import { sagaStartOf } from '../domain/saga-start.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { workflowStatus } from '../platform/workflow-status.ts';

const LIST_WITHIN_MS = 10_000;
const ASK_WITHIN_MS = 5_000;
const START_WITHIN_MS = 10_000;

interface Deps {
  /** @throws Error while Temporal has not been reached */
  readonly client: () => Client;
  /** What a saga is started with; absent where none is started. */
  readonly sagaSettings?: SagaSettings;
}

/** Sagas as Temporal knows them. */
export const createTemporalSagaRuns = ({ client: current, sagaSettings }: Deps): SagaRuns => ({
  listRunning: async (workflowIds) => {
    const client = current();
    // Workflow ids are made of UUIDs, so nothing in them needs escaping.
    const query = `ExecutionStatus = 'Running' and WorkflowId in (${workflowIds.map((id) => `'${id}'`).join(', ')})`;
    return client.withDeadline(Date.now() + LIST_WITHIN_MS, async () => {
      const running = new Set<string>();
      for await (const { workflowId } of client.workflow.list({ query, pageSize: workflowIds.length }))
        running.add(workflowId);
      return running;
    });
  },

  stateOf: (workflowId) => workflowStatus(current(), workflowId, ASK_WITHIN_MS),

  start: async (saga, order, provenance) => {
    if (!sagaSettings) throw new Error('these saga runs were made without the settings to start one');
    const client = current();
    const { namespace } = client.options;
    const { workflowType, ...start } = sagaStartOf(saga, order, provenance, sagaSettings, namespace);
    try {
      await client.withDeadline(Date.now() + START_WITHIN_MS, () =>
        // Its first step asks the order where it is, so a saga that has closed in any way may be followed by another.
        client.workflow.start(workflowType, { ...start, workflowIdReusePolicy: 'ALLOW_DUPLICATE' }),
      );
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  },
});
