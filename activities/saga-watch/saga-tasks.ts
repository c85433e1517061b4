import type { FailingSaga } from '../../domain/saga-health.ts';

/** How the workflow task of a saga fails. */
export type TaskFailure = Pick<FailingSaga, 'cause' | 'attempts' | 'since'>;

/** A saga that runs. */
export interface RunningSaga {
  readonly startedAt: Date;
  /** Absent while its workflow tasks succeed. */
  readonly failure?: TaskFailure;
}

/** The port to Temporal for the examination of all sagas. */
export interface SagaTasks {
  /**
   * Workflow ids of the running sagas that the server itself reports as failing, at most `limit`. Empty where the server
   * reports none at all, as before 1.30.
   */
  reportedFailing(limit: number): Promise<readonly string[]>;
  /** The workflows of these runs, without those that the server does not list yet. */
  workflowsOf(runIds: readonly string[]): Promise<readonly string[]>;
  /** @returns undefined for a saga that does not run */
  inspect(workflowId: string): Promise<RunningSaga | undefined>;
}
