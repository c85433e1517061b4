/** Why an order that has not ended has no running saga: how its last run closed, or that there is none. */
export const lostSagaReasons = [
  'TERMINATED',
  'FAILED',
  'TIMED_OUT',
  'CANCELLED',
  /** The saga ended and its order did not: the database was restored from an older copy. */
  'COMPLETED',
  /** It was never started, or is gone with Temporal's database. */
  'NOT_FOUND',
] as const;
export type LostSagaReason = (typeof lostSagaReasons)[number];

/** What Temporal knows of a saga. `RUNNING` includes a workflow that people have paused. */
export type SagaState = 'RUNNING' | LostSagaReason;

/** What a search for orphans has done so far. */
export interface SagaWatchReport {
  /** Orders that have not ended, and that were old enough to be examined. */
  readonly examined: number;
  /** Of these, orders without a running saga, by reason. */
  readonly orphaned: Readonly<Partial<Record<LostSagaReason, number>>>;
  /** Sagas that were started again. */
  readonly restarted: number;
  /** Sagas that could not be started; the next search tries again. */
  readonly failed: number;
}

export const orphansIn = ({ orphaned }: Pick<SagaWatchReport, 'orphaned'>): number =>
  Object.values(orphaned).reduce((sum, count) => sum + count, 0);

/** What the saga watch workflow runs. */
export interface SagaWatchActivities {
  /** Finds orders that have lost their saga and starts it again; all others are left alone. */
  readonly restartOrphans: () => Promise<SagaWatchReport>;
}

/** A worker that died during a search is noticed after this; another one resumes where it was. */
export const SAGA_WATCH_HEARTBEAT_TIMEOUT_MS = 30_000;
