import {
  ApplicationFailure,
  DefaultFailureConverter,
  TemporalFailure,
  type PayloadConverter,
  type ProtoFailure,
  type SerializationContext,
} from '@temporalio/common';
import { inWorkflowContext, log } from '@temporalio/workflow';
import { failureDetail, isFailureCode, safeFailure } from '../domain/failure-texts.ts';

/**
 * Writes failures into histories with the fixed text of their code, without stack traces and without causes of ours.
 * Everything that Temporal keeps of an error, also of a defect in workflow code, passes through here.
 */
class SafeFailureConverter extends DefaultFailureConverter {
  override errorToFailure(
    error: unknown,
    payloads: PayloadConverter,
    context?: SerializationContext,
  ): ProtoFailure {
    if (isUnexpected(error)) logUnexpected(error, context);
    return safe(super.errorToFailureInner(error, payloads, context), payloads);
  }

  override optionalErrorToOptionalFailure(
    error: unknown,
    payloads: PayloadConverter,
    context?: SerializationContext,
  ): ProtoFailure | undefined {
    // The cause of an unexpected error is logged with it.
    return error ? safe(super.errorToFailureInner(error, payloads, context), payloads) : undefined;
  }
}

/** Loaded by path, by clients and workers and in the sandbox. */
export const failureConverter = new SafeFailureConverter();

/** @returns whether its text is known here alone; a failure that comes from elsewhere was logged there */
const isUnexpected = (error: unknown): boolean => {
  if (!(error instanceof TemporalFailure)) return true;
  return error instanceof ApplicationFailure && error.failure === undefined && !isFailureCode(error.type);
};

/** Only in the sandbox: outside it, the code that throws logs. */
function logUnexpected(error: unknown, context: SerializationContext | undefined): void {
  if (!inWorkflowContext()) return;
  log.error('workflow code failed', {
    // Errors of another workflow in the same sandbox may come in between.
    ...(context?.workflowId === undefined ? {} : { workflowId: context.workflowId }),
    // Plain, because it has to pass from one thread to another.
    error: plain(error),
  });
}

function plain(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause: plain(cause) }) };
}

/** Rebuilds a failure from what may be told of it; what is not named here does not pass. */
function safe(failure: ProtoFailure, payloads: PayloadConverter): ProtoFailure {
  return { source: failure.source ?? null, ...contentOf(failure, payloads) };
}

function contentOf(failure: ProtoFailure, payloads: PayloadConverter): ProtoFailure {
  const cause = failure.cause ? { cause: safe(failure.cause, payloads) } : {};
  if (failure.applicationFailureInfo) {
    const { type, details, nonRetryable, nextRetryDelay, category } = failure.applicationFailureInfo;
    const first = details?.payloads?.[0];
    const { code, fields, detail } = safeFailure(type, first && payloads.fromPayload(first));
    const told = { type: code, details: { payloads: [payloads.toPayload(fields)] } };
    const handling = {
      nonRetryable: nonRetryable ?? false,
      nextRetryDelay: nextRetryDelay ?? null,
      category: category ?? null,
    };
    return { message: detail, applicationFailureInfo: { ...told, ...handling } };
  }
  if (failure.activityFailureInfo)
    return { message: 'the activity failed', activityFailureInfo: failure.activityFailureInfo, ...cause };
  if (failure.childWorkflowExecutionFailureInfo) {
    const { childWorkflowExecutionFailureInfo } = failure;
    return { message: 'the child workflow failed', childWorkflowExecutionFailureInfo, ...cause };
  }
  if (failure.timeoutFailureInfo) {
    const timeoutType = failure.timeoutFailureInfo.timeoutType ?? null;
    return { message: failureDetail('STEP_TIMED_OUT'), timeoutFailureInfo: { timeoutType } };
  }
  if (failure.canceledFailureInfo) return { message: 'cancelled', canceledFailureInfo: {} };
  if (failure.terminatedFailureInfo) return { message: 'terminated', terminatedFailureInfo: {} };
  if (failure.serverFailureInfo)
    return { message: 'the Temporal server failed', serverFailureInfo: failure.serverFailureInfo };
  return { message: failureDetail('FAILED') };
}
