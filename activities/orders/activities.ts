import type { ChangedOrder, OrderRepository } from '../../db/order-repository.ts';
import { hasEnded } from '../../domain/order.ts';
import type { OrderActivities } from '../../domain/order-saga.ts';
import { withFailures } from '../failures.ts';

interface Deps {
  readonly orders: OrderRepository;
  /** Told once per order that ended, after the commit. */
  readonly onEnded: (ended: ChangedOrder) => void;
}

export const createOrderActivities = ({ orders, onEnded }: Deps): OrderActivities => {
  const tellIfNew = (changed: ChangedOrder): void => {
    if (changed.events.length > 0) onEnded(changed);
  };
  return withFailures<OrderActivities>({
    endedStatus: async ({ id }) => {
      const status = await orders.statusOf(id);
      return hasEnded(status) ? status : undefined;
    },
    completeOrder: async ({ id, provenance }) => {
      tellIfNew(await orders.change(id, { type: 'CompleteOrder' }, provenance));
    },
    cancelOrder: async ({ id, provenance }, reason, detail) => {
      tellIfNew(await orders.change(id, { type: 'CancelOrder', reason, detail }, provenance));
    },
  });
};
