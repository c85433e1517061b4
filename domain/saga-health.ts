import type { SagaKind } from './order.ts';

/** Why the workflow tasks of a saga fail again and again. */
export const taskFailureCauses = [
  /** The code does something else than the history says: it was changed while the saga ran. */
  'NONDETERMINISM',
  /** The code throws, or a worker lacks the workflow. */
  'WORKFLOW_BUG',
  /** Temporal does not take what the code has decided, such as a search attribute that it does not know. */
  'REFUSED_BY_SERVER',
  /** No worker completes the task in time. */
  'TIMED_OUT',
  'OTHER',
] as const;
export type TaskFailureCause = (typeof taskFailureCauses)[number];

/** What an operator can do, by cause. */
export const adviceOn: Readonly<Record<TaskFailureCause, string>> = {
  NONDETERMINISM:
    'the workflow code does not fit the history: run npm run replay with the workflow id, then deploy the release that the saga began with, or one that fits both',
  WORKFLOW_BUG:
    'the workflow code throws: find the error under "workflow code failed" in the log of the workers, then deploy a release that mends it, or the one before',
  REFUSED_BY_SERVER:
    'Temporal refuses what the workflow code decides: read the last failed workflow task in the Web UI',
  TIMED_OUT:
    'no worker completes the workflow task in time: see whether workers run, have CPU and memory, and keep a connection to Temporal',
  OTHER: 'read the last failed workflow task in the Web UI',
};

export const sagaHealthStates = ['failing', 'slow'] as const;
export type SagaHealthState = (typeof sagaHealthStates)[number];

interface AilingSaga {
  readonly workflowId: string;
  readonly orderId: string;
  readonly saga: SagaKind;
  /** As `stepAt` names it. */
  readonly step: string;
}

/** A saga whose workflow task fails, is repeated, and fails again. */
export interface FailingSaga extends AilingSaga {
  readonly cause: TaskFailureCause;
  /** Attempts of the failing workflow task, the running one included. */
  readonly attempts: number;
  /** When the task failed for the first time. */
  readonly since: Date;
}

/** A saga that has been at its step for longer than the step takes. */
export interface SlowSaga extends AilingSaga {
  /** When the step began. */
  readonly since: Date;
  readonly expectedMs: number;
}

/** What an examination of all sagas has found; a saga is in one of the lists at most. */
export interface SagaHealth {
  readonly failing: readonly FailingSaga[];
  readonly slow: readonly SlowSaga[];
}

/** How many sagas are ill, for metrics and readiness. */
export interface SagaHealthSummary {
  readonly failing: Readonly<Record<TaskFailureCause, number>>;
  readonly slow: readonly { readonly saga: SagaKind; readonly step: string; readonly count: number }[];
  /** When the last examination ended. */
  readonly examinedAt: Date;
}
