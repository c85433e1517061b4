import {
  isGrpcServiceError,
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowUpdateHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { newId } from '../../platform/clock.ts';
import { workflowStatus } from '../../platform/workflow-status.ts';
import { isUpdateRefusal, OrderSystemError } from '../../domain/errors.ts';
import { safeFailure } from '../../domain/failure-texts.ts';
import {
  APPROVAL_UPDATE,
  CANCEL_UPDATE,
  RESOLVE_UPDATE,
  type DeskAnswer,
} from '../../domain/saga-requests.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { sagaStartOf, type SagaStart } from '../../domain/saga-start.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import type { SagaAnswer, SagaControl } from './saga-control.ts';

interface Deps {
  readonly client: Client;
  /** For a saga that a cancellation starts; the same as the worker's. */
  readonly settings: SagaSettings;
}

/** Until a worker has let the saga take or refuse a request; milliseconds, unless no worker runs. */
const ACCEPTED_WITHIN_MS = 4_000;
/** Until it is known what comes of it, which takes as long as the carrier does. */
const RESULT_WITHIN_MS = 3_000;
const LOOK_WITHIN_MS = 1_000;

/** Sagas are asked with updates, which they validate before anything is written into their histories. */
export function createTemporalSagaControl({ client, settings }: Deps): SagaControl {
  const update = (workflowId: string, name: string, arg: object): Promise<Asked> =>
    ask(client, workflowId, () =>
      client.workflow.getHandle(workflowId).startUpdate(name, { args: [arg], waitForStage: 'ACCEPTED' }),
    );
  return {
    cancel: (saga, order, request, provenance, again) => {
      const start = sagaStartOf(saga, order, provenance, settings, client.options.namespace);
      return ask(client, start.workflowId, () =>
        client.workflow.startUpdateWithStart(CANCEL_UPDATE, {
          args: [request],
          waitForStage: 'ACCEPTED',
          // One per saga: a repeat waits for the first one's result, and does not add to the few updates that
          // Temporal lets one workflow have in progress. Temporal would answer it for a closed saga, too, so a saga
          // that is to be started again takes another one.
          updateId: again ? `${CANCEL_UPDATE}-${newId()}` : CANCEL_UPDATE,
          startWorkflowOperation: startWith(start, again),
        }),
      );
    },
    stateOf: (workflowId) =>
      workflowStatus(client, workflowId, LOOK_WITHIN_MS).catch((error: unknown) => {
        throw toUnavailable(error);
      }),
    start: async (saga, order, provenance) => {
      const { namespace } = client.options;
      const { workflowType, ...start } = sagaStartOf(saga, order, provenance, settings, namespace);
      try {
        await client.withDeadline(Date.now() + ACCEPTED_WITHIN_MS, () =>
          client.workflow.start(workflowType, { ...start, workflowIdReusePolicy: 'ALLOW_DUPLICATE' }),
        );
        return true;
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
        throw toUnavailable(error);
      }
    },
    decideApproval: (orderId, decision) => update(orderWorkflowId(orderId), APPROVAL_UPDATE, decision),
    resolve: async (workflowId, resolution) => {
      const asked = await update(workflowId, RESOLVE_UPDATE, resolution);
      const isOpen = asked.kind === 'DONE' && asked.result === ('WAITS_FOR_SECOND' satisfies DeskAnswer);
      return isOpen ? { kind: 'WAITS_FOR_SECOND' } : asked;
    },
  };
}

/** With what the update returned. */
type Asked = SagaAnswer & { readonly result?: unknown };

/**
 * A saga that has completed is not begun again unless it is asked for: then its order was found open afterwards. The
 * first step of each saga asks the order where it is.
 */
const startWith = (
  { workflowType, ...start }: SagaStart<unknown>,
  again: boolean,
): WithStartWorkflowOperation<(input: unknown) => Promise<unknown>> =>
  new WithStartWorkflowOperation(workflowType, {
    ...start,
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
  });

async function ask(
  client: Client,
  workflowId: string,
  startUpdate: () => Promise<WorkflowUpdateHandle<unknown>>,
): Promise<Asked> {
  try {
    const handle = await client.withDeadline(Date.now() + ACCEPTED_WITHIN_MS, startUpdate);
    return await resultOf(client, handle);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) return refusalOf(error, workflowId);
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'ENDED' };
    if (error instanceof WorkflowNotFoundError) return endedOrUnknown(client, workflowId);
    throw toUnavailable(error);
  }
}

async function resultOf(client: Client, handle: WorkflowUpdateHandle<unknown>): Promise<Asked> {
  try {
    const result = await client.withDeadline(Date.now() + RESULT_WITHIN_MS, () => handle.result());
    return { kind: 'DONE', result };
  } catch (error) {
    // It is in the saga's history: whoever is out of reach now, it will be dealt with.
    if (isOutOfReach(error)) return { kind: 'PENDING' };
    throw error;
  }
}

/** The server's word for an update whose workflow ended without an answer to it. */
const UNANSWERED = 'AcceptedUpdateCompletedWorkflow';

/** @throws Error for a failure that no saga should answer with. */
function refusalOf(error: WorkflowUpdateFailedError, workflowId: string): SagaAnswer {
  const { cause } = error;
  const code = cause instanceof ApplicationFailure ? (cause.type ?? '') : '';
  if (code === UNANSWERED) return { kind: 'ENDED' };
  // Not the message: an older worker may have put anything into it.
  const { detail } = safeFailure(code, cause instanceof ApplicationFailure ? cause.details?.[0] : undefined);
  if (isUpdateRefusal(code)) return { kind: 'REFUSED', code, detail };
  throw new Error(`${workflowId} failed a request in a way that nobody foresaw`, { cause });
}

/** A request to a workflow that is not there and to one that has ended fail alike. */
async function endedOrUnknown(client: Client, workflowId: string): Promise<SagaAnswer> {
  try {
    const status = await workflowStatus(client, workflowId, LOOK_WITHIN_MS);
    return { kind: status === 'NOT_FOUND' ? 'UNKNOWN' : 'ENDED' };
  } catch (error) {
    throw toUnavailable(error);
  }
}

const toUnavailable = (error: unknown): unknown =>
  isOutOfReach(error)
    ? new OrderSystemError('UNAVAILABLE', 'no saga can be reached now; the request may be repeated safely', {
        cause: error,
      })
    : error;

/**
 * gRPC's INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE and UNIMPLEMENTED: the server has understood the call and refuses
 * it as it is. Any other code may pass, such as FAILED_PRECONDITION (the request met the workflow's end and was thrown
 * away with its task), INTERNAL (a connection that broke in the middle) or UNAUTHENTICATED (a key that is exchanged).
 */
const REFUSED_AS_IT_IS: readonly number[] = [3, 6, 11, 12];

/** The SDK wraps what gRPC says. */
function isOutOfReach(error: unknown): boolean {
  if (isGrpcServiceError(error)) return !REFUSED_AS_IT_IS.includes(error.code);
  if (error instanceof Error && error.cause !== undefined) return isOutOfReach(error.cause);
  return error instanceof ServiceError;
}
