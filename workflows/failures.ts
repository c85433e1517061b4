import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { businessRefusals, infrastructureErrors, type UpdateRefusal } from '../domain/errors.ts';
import {
  failureDetail,
  safeFailure,
  type FailureCode,
  type FailureFields,
  type SafeFailure,
} from '../domain/failure-texts.ts';
import type { CancelReason } from '../domain/order-saga.ts';

export interface Failure {
  readonly reason: CancelReason;
  /** For people: the fixed text of the code. */
  readonly detail: string;
}

const reasons: readonly string[] = [...businessRefusals, ...infrastructureErrors, 'CANCEL_REQUESTED'];

/**
 * Why a step failed, as a code from the union with its fixed text. Messages are never read: they may be technical.
 * @throws the error itself when it did not come from Temporal: that is a defect in workflow code, which must
 * hold the workflow for a fix and not cancel an order.
 */
export function failureOf(error: unknown): Failure {
  const { code, detail } = safeFailureOf(error);
  return { reason: reasons.includes(code) ? (code as CancelReason) : 'FAILED', detail };
}

/** The same with its code, also one that is no reason to cancel, such as a refusal of an update. @throws as `failureOf` */
export function safeFailureOf(error: unknown): SafeFailure {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error)) return safeFailure('CANCEL_REQUESTED');
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) return safeFailure('STEP_TIMED_OUT');
  return cause instanceof ApplicationFailure
    ? safeFailure(cause.type, cause.details?.[0])
    : safeFailure('FAILED');
}

/** What a workflow fails or refuses with: final, and with the fixed text of its code. */
export const failWith = <C extends FailureCode>(code: C, fields?: FailureFields<C>): ApplicationFailure => {
  const failure = ApplicationFailure.nonRetryable(failureDetail(code, fields), code, fields ?? {});
  failure.stack = '';
  return failure;
};

/** What an update is refused with, from its validator or its handler. @param fields a text of the caller's is ignored */
export const refusal = <C extends UpdateRefusal>(
  code: C,
  fields?: FailureFields<C> | string,
): ApplicationFailure => failWith(code, typeof fields === 'object' ? fields : undefined);
