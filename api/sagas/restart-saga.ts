import { OrderSystemError } from '../../domain/errors.ts';
import type { Provenance } from '../../domain/events.ts';
import { hasEnded, type Order } from '../../domain/order.ts';
import { sagaKindAt, sagaWorkflowId } from '../../domain/saga-start.ts';
import type { LostSagaReason } from '../../domain/saga-watch.ts';
import type { SagaControl } from './saga-control.ts';

interface Deps {
  readonly sagas: Pick<SagaControl, 'stateOf' | 'start'>;
  /** @throws OrderSystemError NOT_FOUND */
  readonly findOrder: (id: string) => Promise<Order>;
}

/**
 * Starts the saga of an order again when the order has not ended and its saga does not run.
 * @returns why the order had no saga
 * @throws OrderSystemError NOT_FOUND, NOT_ORPHANED, UNAVAILABLE
 */
export async function restartSaga(
  { sagas, findOrder }: Deps,
  workflowId: string,
  provenance: Provenance,
): Promise<LostSagaReason> {
  const orderId = orderIdOf(workflowId);
  const before = await findOrder(orderId);
  requireItsSaga(before, workflowId);
  const state = await sagas.stateOf(workflowId);
  if (state === 'RUNNING') throw isRunning(workflowId);
  // A saga closes after it has brought its order on, so an order that is read later and is unchanged was left behind.
  const order = await findOrder(orderId);
  requireItsSaga(order, workflowId);
  if (order.version !== before.version)
    throw new OrderSystemError('NOT_ORPHANED', `order ${orderId} has just moved on; look at it again`);
  if (!(await sagas.start(sagaKindAt(order.status), order, provenance))) throw isRunning(workflowId);
  return state;
}

/**
 * For a request that met a saga which has closed, or is gone. Returns when the order has no use for that saga.
 * @param needsIt whether the order, as it is now, waits for what the request asks
 * @throws OrderSystemError UNAVAILABLE when the saga had been lost and is started again
 */
export async function restartIfLost(
  deps: Deps,
  workflowId: string,
  provenance: Provenance,
  needsIt: (order: Order) => boolean,
): Promise<void> {
  try {
    if (!needsIt(await deps.findOrder(orderIdOf(workflowId)))) return;
    await restartSaga(deps, workflowId, provenance);
  } catch (error) {
    const isNone =
      error instanceof OrderSystemError && (error.code === 'NOT_ORPHANED' || error.code === 'NOT_FOUND');
    if (isNone) return;
    throw error;
  }
  throw new OrderSystemError(
    'UNAVAILABLE',
    `saga ${workflowId} was lost and is being started again; repeat the request in a moment`,
  );
}

/** @param workflowId `order-<order id>` or `shipment-<order id>` */
export const orderIdOf = (workflowId: string): string => workflowId.replace(/^(order|shipment)-/, '');

/** @throws OrderSystemError NOT_ORPHANED */
function requireItsSaga({ id, status }: Order, workflowId: string): void {
  if (hasEnded(status))
    throw new OrderSystemError('NOT_ORPHANED', `order ${id} has ended ${status}; it needs no saga`);
  const needed = sagaWorkflowId(sagaKindAt(status), id);
  if (needed !== workflowId)
    throw new OrderSystemError('NOT_ORPHANED', `order ${id} is ${status}: the saga it needs is ${needed}`);
}

const isRunning = (workflowId: string): OrderSystemError =>
  new OrderSystemError('NOT_ORPHANED', `saga ${workflowId} is running`);
