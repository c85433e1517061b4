import type { Provenance } from '../../domain/events.ts';
import type { Order } from '../../domain/order.ts';
import type { SagaKind } from '../../domain/order.ts';
import type { SagaState } from '../../domain/saga-watch.ts';

/** Workflow ids in one listing: as many as Temporal answers in one page by default. */
export const MOST_LISTED = 1_000;

/** The port to Temporal for the search for orphans. */
export interface SagaRuns {
  /**
   * Of these workflows, at most `MOST_LISTED`, those that a listing shows as running. It lags: one that was just
   * started may be missing.
   */
  listRunning(workflowIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** How a saga stands now. */
  stateOf(workflowId: string): Promise<SagaState>;
  /** Starts a saga again. @returns false when it runs already */
  start(saga: SagaKind, order: Order, provenance: Provenance): Promise<boolean>;
}
