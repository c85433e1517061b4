import type { OrderRepository } from '../../db/order-repository.ts';
import type { InventoryActivities } from '../../domain/order-saga.ts';
import { isSettledByOperator } from '../../domain/order.ts';
import { withStepFailures } from '../failures.ts';
import type { Inventory } from './inventory.ts';

interface Deps {
  readonly inventory: Inventory;
  readonly orders: OrderRepository;
}

/** Each calls the inventory first, in its own transaction, then writes the order row and its event; both repeat. */
export const createInventoryActivities = ({ inventory, orders }: Deps): InventoryActivities =>
  withStepFailures<InventoryActivities>({
    reserveInventory: async ({ id, lines, provenance }) => {
      await inventory.reserve(id, lines, provenance);
      await orders.change(id, { type: 'RecordReservation' }, provenance);
    },
    releaseInventory: async ({ id, provenance }) => {
      // An operator has counted it back, or let it be.
      if (isSettledByOperator((await orders.positionOf(id)).inventory)) return;
      const acted = await inventory.release(id, provenance);
      await orders.change(id, { type: 'RecordRelease', acted }, provenance);
    },
    shipInventory: async ({ id, provenance }) => {
      await inventory.ship(id, provenance);
      await orders.change(id, { type: 'RecordDispatch' }, provenance);
    },
  });
