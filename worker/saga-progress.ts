import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { safeFailure, type SafeFailure } from '../domain/failure-texts.ts';
import { PROGRESS_QUERY, type SagaProgress, type StepReport } from '../domain/saga-requests.ts';

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/**
 * Where a saga is, with what the server alone knows: how often it has tried the call that runs now, and why that failed.
 * @returns undefined where Temporal has no such workflow. @throws where no worker answers
 */
export async function readProgress(client: Client, workflowId: string): Promise<SagaProgress | undefined> {
  const saga = client.workflow.getHandle(workflowId);
  try {
    const [progress, { raw }] = await Promise.all([
      saga.query<SagaProgress>(PROGRESS_QUERY),
      saga.describe(),
    ]);
    const pending = raw.pendingActivities ?? [];
    return progress.current ? { ...progress, current: withPending(progress.current, pending) } : progress;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** The step's own call, or what it queries meanwhile: that has attempts which are not the step's. */
function withPending(step: StepReport, pending: readonly PendingActivity[]): StepReport {
  const own = pending.find(({ activityType }) => activityType?.name === step.call);
  const failed = [own, ...pending].find((activity) => activity?.lastFailure);
  const lastError = failed && lastErrorOf(failed, step);
  return {
    ...step,
    // The step has counted the first of them.
    attempts: step.attempts + (own ? (own.attempt ?? 1) - 1 : 0),
    ...(lastError && { lastError }),
  };
}

function lastErrorOf(
  { lastFailure, lastAttemptCompleteTime, lastStartedTime }: PendingActivity,
  { startedAt }: StepReport,
): NonNullable<StepReport['lastError']> {
  const { code, detail } = safeFailureIn(lastFailure);
  return { code, detail, at: timeOf(lastAttemptCompleteTime ?? lastStartedTime) ?? startedAt };
}

/** Messages are never read: they may be technical. */
function safeFailureIn(failure: PendingActivity['lastFailure']): SafeFailure {
  if (failure?.timeoutFailureInfo) return safeFailure('STEP_TIMED_OUT');
  const { type, details } = failure?.applicationFailureInfo ?? {};
  const fields = details?.payloads?.[0];
  return safeFailure(type, fields && defaultPayloadConverter.fromPayload(fields));
}

const timeOf = (time: PendingActivity['lastStartedTime']): string | undefined =>
  time ? new Date(Number(time.seconds ?? 0) * 1_000 + (time.nanos ?? 0) / 1e6).toISOString() : undefined;
