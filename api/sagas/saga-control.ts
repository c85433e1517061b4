import type { ApprovalDecision, Resolution } from '../../domain/desk.ts';
import type { UpdateRefusal } from '../../domain/errors.ts';
import type { Provenance } from '../../domain/events.ts';
import type { Order } from '../../domain/order.ts';
import type { CancelRequest } from '../../domain/saga-requests.ts';
import type { SagaKind } from '../../domain/order.ts';
import type { SagaState } from '../../domain/saga-watch.ts';

/** What came of asking a saga. */
export type SagaAnswer =
  | { readonly kind: 'DONE' }
  /** The saga has taken the request for good; what comes of it takes longer than a caller is made to wait. */
  | { readonly kind: 'PENDING' }
  | { readonly kind: 'REFUSED'; readonly code: UpdateRefusal; readonly detail: string }
  /** There was such a saga. */
  | { readonly kind: 'ENDED' }
  | { readonly kind: 'UNKNOWN' };

/** What came of a decision about a stuck saga. A waiver that is only asked for is in its history as well. */
export type ResolveAnswer = SagaAnswer | { readonly kind: 'WAITS_FOR_SECOND' };

/**
 * Asks sagas for what only they can decide. Each call ends within some seconds and may be repeated.
 * @throws OrderSystemError UNAVAILABLE when no saga can be reached now; whether it was asked is then not known.
 */
export interface SagaControl {
  /**
   * Starts the saga with the cancellation when there was none yet, or when it was terminated, failed or timed out; so
   * never UNKNOWN. ENDED: it has completed.
   * @param again starts it also after one that has completed
   */
  cancel(
    saga: SagaKind,
    order: Order,
    request: CancelRequest,
    provenance: Provenance,
    again: boolean,
  ): Promise<SagaAnswer>;
  /** How a saga stands. */
  stateOf(workflowId: string): Promise<SagaState>;
  /** Starts a saga, however the one before it has closed. @returns false when it runs already */
  start(saga: SagaKind, order: Order, provenance: Provenance): Promise<boolean>;
  decideApproval(orderId: string, decision: ApprovalDecision): Promise<SagaAnswer>;
  resolve(workflowId: string, resolution: Resolution): Promise<ResolveAnswer>;
}
