import { ActivityFailure, ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';
import {
  businessRefusals,
  infrastructureErrors,
  isBusinessRefusal,
  stateConflicts,
  updateRefusals,
  type StepFailureCode,
  type UpdateRefusal,
} from '../domain/errors.ts';
import type { CancelReason } from '../domain/order-saga.ts';
import type { UndoReason } from '../domain/order.ts';

export interface Failure {
  readonly reason: StepFailureCode;
  /** For people. */
  readonly detail: string;
}

const CANCEL_REQUESTED = 'CANCEL_REQUESTED';
const known: readonly string[] = [
  ...businessRefusals,
  ...stateConflicts,
  ...infrastructureErrors,
  ...updateRefusals,
  CANCEL_REQUESTED,
];

/**
 * Why a step failed, as a code from the union.
 * @throws the error itself when it did not come from Temporal: that is a defect in workflow code, which must
 * hold the workflow for a fix and not cancel an order.
 */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error)) return { reason: CANCEL_REQUESTED, detail: 'the workflow was asked to cancel' };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? '') : '';
  return {
    reason: known.includes(type) ? (type as StepFailureCode) : 'FAILED',
    detail: cause?.message ?? error.message,
  };
}

/** Whether an order may be cancelled or refunded for this. */
export const isCancelReason = (reason: StepFailureCode): reason is CancelReason =>
  reason === CANCEL_REQUESTED || isBusinessRefusal(reason);

/** Carries a reason that an earlier run of the saga has recorded to where this run compensates. */
export const resumedUndo = ({ reason, detail }: UndoReason): ApplicationFailure =>
  ApplicationFailure.nonRetryable(detail, reason);

/** What an update is refused with, from its validator or its handler. */
export const refusal = (code: UpdateRefusal, detail: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(detail, code);
