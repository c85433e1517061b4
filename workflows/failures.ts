import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import {
  businessRefusals,
  infrastructureErrors,
  isBusinessRefusal,
  stateConflicts,
  updateRefusals,
  type CancelReason,
  type StepFailureCode,
  type UpdateRefusal,
} from '../domain/errors.ts';
import {
  failureDetail,
  safeFailure,
  type FailureCode,
  type FailureFields,
  type SafeFailure,
} from '../domain/failure-texts.ts';
import type { UndoReason } from '../domain/order.ts';

export interface Failure {
  readonly reason: StepFailureCode;
  /** For people: the fixed text of the code. */
  readonly detail: string;
}

const CANCEL_REQUESTED = 'CANCEL_REQUESTED';
const reasons: readonly string[] = [
  ...businessRefusals,
  ...stateConflicts,
  ...infrastructureErrors,
  ...updateRefusals,
  CANCEL_REQUESTED,
];

/**
 * Why a step failed, as a code from the union with its fixed text. Messages are never read: they may be technical.
 * @throws the error itself when it did not come from Temporal: that is a defect in workflow code, which must
 * hold the workflow for a fix and not cancel an order.
 */
export function failureOf(error: unknown): Failure {
  const { code, detail } = safeFailureOf(error);
  return { reason: reasons.includes(code) ? (code as StepFailureCode) : 'FAILED', detail };
}

/** The same with its code, also one that no step of a saga fails with. @throws as `failureOf` */
export function safeFailureOf(error: unknown): SafeFailure {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error)) return safeFailure(CANCEL_REQUESTED);
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) return safeFailure('STEP_TIMED_OUT');
  return cause instanceof ApplicationFailure
    ? safeFailure(cause.type, cause.details?.[0])
    : safeFailure('FAILED');
}

/** Whether an order may be cancelled or refunded for this. */
export const isCancelReason = (reason: StepFailureCode): reason is CancelReason =>
  reason === CANCEL_REQUESTED || isBusinessRefusal(reason);

/** Carries the reason that an earlier run of the saga has recorded, without its detail, to where this run compensates. */
export const resumedUndo = ({ reason }: Pick<UndoReason, 'reason'>): ApplicationFailure => failWith(reason);

/** What a workflow fails or refuses with: final, and with the fixed text of its code. */
export const failWith = <C extends FailureCode>(code: C, fields?: FailureFields<C>): ApplicationFailure => {
  const failure = ApplicationFailure.nonRetryable(failureDetail(code, fields), code, fields ?? {});
  failure.stack = '';
  return failure;
};

/** What an update is refused with, from its validator or its handler. */
export const refusal = <C extends UpdateRefusal>(code: C, fields?: FailureFields<C>): ApplicationFailure =>
  failWith(code, fields);
