import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import type { DeskDecision } from '../../domain/desk.ts';
import type { PlacedOrder } from '../../domain/order-saga.ts';
import {
  PROGRESS_QUERY,
  RESOLVE_UPDATE,
  type DeskAnswer,
  type SagaProgress,
} from '../../domain/saga-requests.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { orderWorkflowId, SEARCH_ATTRIBUTES, shipmentWorkflowId } from '../../domain/topology.ts';
import type { orderSaga, shipmentSaga } from '../../workflows/index.ts';
import type { SagaActivities } from '../../worker/activities.ts';
import { placedOrder, sagaSettings } from './builders.ts';
import { eventually } from './eventually.ts';
import { routedByOrder } from './fake-steps.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from './workflow-env.ts';

/** What a saga calls, and what is special about it. */
interface Cast {
  readonly steps: SagaActivities;
  readonly settings?: Partial<SagaSettings>;
  readonly order?: PlacedOrder;
}

export interface FakeSagas {
  readonly environment: () => WorkflowEnvironment;
  startOrder(cast: Cast): Promise<WorkflowHandle<typeof orderSaga>>;
  startShipment(cast: Cast): Promise<WorkflowHandle<typeof shipmentSaga>>;
}

/**
 * Sagas of many orders in one time-skipping server, each with steps of its own. Registers hooks of mocha.
 * @param how the code of the sagas, and how many a worker keeps in memory, where that is special
 */
export function useFakeSagas(
  how: { readonly bundle?: () => Promise<{ code: string }>; readonly cachedWorkflows?: number } = {},
): FakeSagas {
  const stepsOf = new Map<string, { steps: SagaActivities }>();
  let environment: WorkflowEnvironment | undefined;
  const running = (): WorkflowEnvironment => {
    if (!environment) throw new Error('the test server has not been started yet');
    return environment;
  };

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(routedByOrder(stepsOf), how.bundle, how.cachedWorkflows);
  });
  after(() => environment?.close());

  return {
    environment: running,
    startOrder: ({ steps, settings, order = placedOrder() }) => {
      stepsOf.set(order.id, { steps });
      return running().client.workflow.start<typeof orderSaga>('orderSaga', {
        workflowId: orderWorkflowId(order.id),
        taskQueue: running().taskQueue,
        args: [{ order, settings: sagaSettings(settings) }],
      });
    },
    startShipment: ({ steps, settings, order: { id, provenance } = placedOrder() }) => {
      stepsOf.set(id, { steps });
      return running().client.workflow.start<typeof shipmentSaga>('shipmentSaga', {
        workflowId: shipmentWorkflowId(id),
        taskQueue: running().taskQueue,
        args: [{ order: { id, provenance }, settings: sagaSettings(settings) }],
      });
    },
  };
}

type Saga = Pick<WorkflowHandle, 'query' | 'workflowId'>;

export const progressOf = (saga: Saga): Promise<SagaProgress> => saga.query<SagaProgress>(PROGRESS_QUERY);

/** Waits, in real time, until a saga is in this state; for the nth time when it is stuck. */
export const untilState = (saga: Saga, state: SagaProgress['state'], nth = 1): Promise<SagaProgress> =>
  eventually(
    async () => {
      const progress = await progressOf(saga);
      return progress.state === state && (progress.stuck?.occurrence ?? nth) === nth ? progress : undefined;
    },
    { what: `${saga.workflowId} is ${state}` },
  );

/** What an operator decides about a saga that is stuck. */
export const resolve = (
  saga: Pick<WorkflowHandle, 'executeUpdate'>,
  decision: DeskDecision,
  operator = 'maria',
): Promise<DeskAnswer> =>
  saga.executeUpdate(RESOLVE_UPDATE, { args: [{ decision, operator, reason: `seen by ${operator}` }] });

/** Two operators let it be. */
export async function waive(saga: Pick<WorkflowHandle, 'executeUpdate'>): Promise<void> {
  await resolve(saga, 'waive', 'maria');
  await resolve(saga, 'waive', 'omar');
}

/** Whether an update was refused with this code. */
export const isRefusal =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === code;

const stuckCause = defineSearchAttributeKey(SEARCH_ATTRIBUTES.stuckCause, 'KEYWORD');

/** Why a saga is stuck, as the list of workflows shows it. */
export const causeShown = async (saga: Pick<WorkflowHandle, 'describe'>): Promise<string | undefined> =>
  (await saga.describe()).typedSearchAttributes.get(stuckCause);
