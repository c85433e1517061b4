import type { DomainEvent } from '../../domain/events.ts';
import { changeBy, hasEnded, isPastOrderSaga, type Order } from '../../domain/order.ts';

/** What is known of an order while somebody waits for it. */
export type OrderState = Pick<Order, 'id' | 'status' | 'cancelReason' | 'version'>;

/** Of an order whose row is about to be written. */
export const notYetPlaced = (id: string): OrderState => ({
  id,
  status: 'PENDING',
  cancelReason: null,
  version: 0,
});

/** What whoever places or approves an order waits for: it is on its way to the customer, or cancelled. */
export const isSettled = ({ status }: OrderState): boolean => isPastOrderSaga(status);

/** What whoever cancels an order waits for: it is undone, or the parcel has left after all. */
export const isUndoneOrTooLate = ({ status }: OrderState): boolean =>
  hasEnded(status) || status === 'SHIPPED';

/** The later of two. */
export const laterOf = (known: OrderState, learned: OrderState): OrderState =>
  learned.version > known.version ? learned : known;

/** The state after an event, which may come twice. */
export function stateAfter(known: OrderState, event: DomainEvent): OrderState {
  if (event.aggregateType !== 'order' || event.type === 'OrderCreated') return known;
  const { status = known.status, cancelReason = known.cancelReason } = changeBy(event);
  return laterOf(known, { id: known.id, status, cancelReason, version: event.aggregateVersion });
}
