import { setTimeout as wait } from 'node:timers/promises';
import { insteadOfCancelling } from '../../domain/cancellation.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Provenance } from '../../domain/events.ts';
import type { Order } from '../../domain/order.ts';
import type { CancelRequest } from '../../domain/saga-requests.ts';
import { sagaKindAt } from '../../domain/saga-start.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SagaAnswer, SagaControl } from './saga-control.ts';

interface Deps {
  readonly sagas: Pick<SagaControl, 'cancel'>;
  /** @throws OrderSystemError NOT_FOUND */
  readonly findOrder: (id: string) => Promise<Order>;
  readonly clock: Clock;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** PENDING: the saga will cancel unless it turns out to be too late; the order's view will tell. */
export const cancellationOutcomes = ['ACCEPTED', 'PENDING'] as const;
export type CancellationOutcome = (typeof cancellationOutcomes)[number];

/** How long an order may be between its two sagas before the caller is told to come again. */
const BETWEEN_SAGAS_MS = 5_000;
const PAUSE_MS = 200;

/**
 * Hands a cancellation to the saga that has the order. Between the two sagas, and while an order's row is about to
 * follow its saga, no saga takes it: the order is then read and handed over again. A saga that has closed without its
 * order is started again with the cancellation.
 * @throws OrderSystemError NOT_FOUND, TOO_LATE_TO_CANCEL, UNAVAILABLE
 */
export async function cancelOrder(
  { sagas, findOrder, clock, pause = wait }: Deps,
  orderId: string,
  request: CancelRequest,
  provenance: Provenance,
): Promise<CancellationOutcome> {
  const until = clock.now().getTime() + BETWEEN_SAGAS_MS;
  /** Version at which the order was handed to a saga that had completed. */
  let endedAt: number | undefined;
  do {
    const order = await findOrder(orderId);
    if (order.status === 'CANCELLED' || order.status === 'REFUNDED') return 'ACCEPTED';
    const instead = insteadOfCancelling(order);
    if (instead !== undefined) throw new OrderSystemError('TOO_LATE_TO_CANCEL', instead);

    const saga = sagaKindAt(order.status);
    // A saga completes after it has brought its order on: an order that is unchanged afterwards was left behind.
    const wasLeftBehind = endedAt === order.version;
    const answer = await sagas
      .cancel(saga, order, request, provenance, wasLeftBehind)
      .catch(async (error: unknown) => {
        const taken = takenBefore(error, await findOrder(orderId));
        if (taken === undefined) throw error;
        return taken;
      });
    if (answer.kind === 'DONE') return 'ACCEPTED';
    if (answer.kind === 'PENDING') return 'PENDING';
    if (answer.kind === 'REFUSED' && answer.code === 'TOO_LATE_TO_CANCEL')
      throw new OrderSystemError('TOO_LATE_TO_CANCEL', answer.detail);
    if (answer.kind === 'REFUSED' && answer.code !== 'ORDER_IS_COMPLETING')
      throw new Error(`the ${saga} saga of ${orderId} refused a cancellation with ${answer.code}`);
    if (answer.kind === 'ENDED') endedAt = order.version;
    await pause(PAUSE_MS);
  } while (clock.now().getTime() < until);
  throw new OrderSystemError(
    'UNAVAILABLE',
    'the order is passing from one step to the next; the request may be repeated safely',
  );
}

/**
 * What a cancellation came to whose answer was lost: the order's row tells when its saga has begun to compensate. Until the
 * parcel is recalled it may still turn out that it has left.
 */
function takenBefore(error: unknown, { status, undo }: Order): SagaAnswer | undefined {
  const isLost = error instanceof OrderSystemError && error.code === 'UNAVAILABLE';
  if (!isLost || undo?.reason !== 'CANCEL_REQUESTED') return undefined;
  return { kind: status === 'COMPLETED' ? 'PENDING' : 'DONE' };
}
