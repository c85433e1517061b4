import { proxyActivities } from '@temporalio/workflow';
import type { OrderOutcome, OrderSagaInput, PlacedOrder } from '../../domain/order-saga.ts';
import { isPastOrderSaga, type OrderStatus } from '../../domain/order.ts';

/** The writes of the order saga, each an activity of its own. */
export interface Writes {
  readonly readStatus: (order: PlacedOrder) => Promise<OrderStatus>;
  readonly reserveStock: (order: PlacedOrder) => Promise<void>;
  readonly recordReservation: (order: PlacedOrder) => Promise<void>;
  /** @returns the provider's reference */
  readonly charge: (order: PlacedOrder) => Promise<string>;
  readonly recordCharge: (order: PlacedOrder, providerReference: string) => Promise<void>;
  readonly recordCompletion: (order: PlacedOrder) => Promise<void>;
}

const writes = proxyActivities<Writes>({ startToCloseTimeout: 10_000 });

/** What the order saga is compared with: its steps as most would write them first, one regular activity per write. */
export async function orderSaga({ order }: OrderSagaInput): Promise<OrderOutcome> {
  const earlier = await writes.readStatus(order);
  if (isPastOrderSaga(earlier)) return { status: earlier };
  await writes.reserveStock(order);
  await writes.recordReservation(order);
  await writes.recordCharge(order, await writes.charge(order));
  await writes.recordCompletion(order);
  return { status: 'COMPLETED' };
}
