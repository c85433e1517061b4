import { ActivityFailure, ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';
import { businessRefusals, infrastructureErrors, type UpdateRefusal } from '../domain/errors.ts';
import type { CancelReason } from '../domain/order-saga.ts';

export interface Failure {
  readonly reason: CancelReason;
  /** For people. */
  readonly detail: string;
}

const known: readonly string[] = [...businessRefusals, ...infrastructureErrors];

/**
 * Why a step failed, as a code from the union.
 * @throws the error itself when it did not come from Temporal: that is a defect in workflow code, which must
 * hold the workflow for a fix and not cancel an order.
 */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error))
    return { reason: 'CANCEL_REQUESTED', detail: 'the workflow was asked to cancel' };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? '') : '';
  return {
    reason: known.includes(type) ? (type as CancelReason) : 'FAILED',
    detail: cause?.message ?? error.message,
  };
}

/** What an update is refused with, from its validator or its handler. */
export const refusal = (code: UpdateRefusal, detail: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(detail, code);
