import { createInventoryActivities } from '../activities/inventory/activities.ts';
import { createPostgresInventory } from '../activities/inventory/postgres-inventory.ts';
import {
  createUnreliableInventory,
  type InventoryFaults,
} from '../activities/inventory/unreliable-inventory.ts';
import { createOrderActivities } from '../activities/orders/activities.ts';
import { createPaymentActivities } from '../activities/payments/activities.ts';
import { createSimulatedProvider } from '../activities/payments/simulated-provider.ts';
import type { Knex } from '../db/connection.ts';
import type { Nudge } from '../db/event-store.ts';
import { createOrderRepository, type ChangedOrder } from '../db/order-repository.ts';
import type { InventoryActivities, OrderActivities, PaymentActivities } from '../domain/order-saga.ts';
import type { Clock } from '../platform/clock.ts';

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
  readonly inventoryFaults: InventoryFaults;
  readonly payment: { readonly latencyMs: number; readonly timeoutMs: number };
  readonly onEnded: (ended: ChangedOrder) => void;
}

/** The saga's activities over the adapters of this installation: swap an adapter here. */
export function createSagaActivities(deps: Deps): InventoryActivities & PaymentActivities & OrderActivities {
  const { db, clock, nudge } = deps;
  const orders = createOrderRepository({ db, clock, nudge });
  const inventory = createUnreliableInventory(
    createPostgresInventory({ db, clock, nudge }),
    deps.inventoryFaults,
  );
  const gateway = createSimulatedProvider({ db, clock, ...deps.payment });
  return {
    ...createInventoryActivities({ inventory, orders }),
    ...createPaymentActivities({ gateway, orders }),
    ...createOrderActivities({ orders, onEnded: deps.onEnded }),
  };
}
