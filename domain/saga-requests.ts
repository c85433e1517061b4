import type { DeskDecision, StuckName, WaiverRequest } from './desk.ts';
import type { StepFailureCode } from './errors.ts';
import type { CallName } from './saga-steps.ts';

/** What can be asked of a running saga. Updates are validated before they leave a trace in its history. */

/** Update of both sagas. @returns once it is sure. @throws TOO_LATE_TO_CANCEL, ORDER_IS_COMPLETING */
export const CANCEL_UPDATE = 'cancelOrder';
export interface CancelRequest {
  /** In the customer's words; shown to everybody, so no personal data. */
  readonly reason: string;
}

/** Update of the order saga, with an `ApprovalDecision`. @throws NOT_WAITING_FOR_APPROVAL */
export const APPROVAL_UPDATE = 'decideApproval';

/**
 * Update of both sagas, with a `Resolution`. @returns a `DeskAnswer`: APPLIED once it is written.
 * @throws NOT_STUCK, RETRY_ONLY, SECOND_OPERATOR_REQUIRED
 */
export const RESOLVE_UPDATE = 'resolveStuck';
/** `WAITS_FOR_SECOND`: a waiver is asked for, and takes another operator. */
export type DeskAnswer = 'APPLIED' | 'WAITS_FOR_SECOND';

/**
 * Query of both sagas: a `SagaProgress`. Attempts that the server repeats are not in it before their call has ended: Temporal
 * has them among the workflow's pending activities.
 */
export const PROGRESS_QUERY = 'progress';

/** One step, or one compensation. Times are ISO 8601, UTC. */
export interface StepReport {
  readonly name: string;
  /** The activity that it runs; absent where it waits for somebody alone. */
  readonly call?: CallName;
  readonly startedAt: string;
  readonly endedAt?: string;
  /** At least so many were made, the present one included, and exactly so many by a step that is stuck; 0 while it waits. */
  readonly attempts: number;
  readonly lastError?: { readonly code: string; readonly detail: string; readonly at: string };
}

export interface SagaProgress {
  readonly saga: string;
  readonly state: 'RUNNING' | 'UNDOING' | 'STUCK' | 'ENDED';
  readonly done: readonly StepReport[];
  readonly current?: StepReport;
  /** Names of the steps that are still to come; of those of the undo, once it undoes. */
  readonly remaining: readonly string[];
  readonly undone: readonly (StepReport & { readonly settled?: Exclude<DeskDecision, 'retry'> })[];
  /** The undo step that waits for an operator. */
  readonly stuck?: {
    readonly undo: StuckName;
    readonly since: string;
    readonly occurrence: number;
    /** Asked for by one operator, until another one approves it or anything else is decided. */
    readonly waiver?: WaiverRequest & { readonly at: string };
  };
  /** Why it undoes, and the step that failed. */
  readonly failure?: {
    readonly reason: StepFailureCode;
    readonly detail: string;
    readonly step?: StepReport;
  };
}
