import type { Sources } from '../activities/audit/sources.ts';
import type { SimulatedListing } from '../activities/book-pages.ts';
import { createInventoryActivities } from '../activities/inventory/activities.ts';
import { createPostgresInventory } from '../activities/inventory/postgres-inventory.ts';
import { createUnreliableInventory } from '../activities/inventory/unreliable-inventory.ts';
import { createOrderActivities } from '../activities/orders/activities.ts';
import { createPaymentActivities } from '../activities/payments/activities.ts';
import { createSimulatedPaymentBooks } from '../activities/payments/simulated-ledger.ts';
import { createSimulatedProvider } from '../activities/payments/simulated-provider.ts';
import { createShippingActivities } from '../activities/shipping/activities.ts';
import { createSimulatedCarrierBooks } from '../activities/shipping/simulated-bookings.ts';
import { createSimulatedCarrier } from '../activities/shipping/simulated-carrier.ts';
import type { Knex } from '../db/connection.ts';
import type { Nudge } from '../db/event-store.ts';
import { createOrderRepository, type ChangedOrder } from '../db/order-repository.ts';
import type { InventoryActivities, OrderActivities, PaymentActivities } from '../domain/order-saga.ts';
import type { ShippingActivities } from '../domain/shipment-saga.ts';
import type { Clock } from '../platform/clock.ts';
import type { Faults } from './fault-dials.ts';

/** How an outside system answers, in ms. */
interface Answering {
  readonly latencyMs: number;
  /** How long we wait before an outcome counts as unknown. */
  readonly timeoutMs: number;
}

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
  readonly faults: Omit<Faults, 'books'>;
  readonly payment: Answering;
  readonly carrier: Answering;
  readonly onEnded: (ended: ChangedOrder) => void;
}

export type SagaActivities = InventoryActivities & PaymentActivities & OrderActivities & ShippingActivities;

/** The sagas' activities over the adapters of this installation: swap an adapter here. */
export function createSagaActivities(deps: Deps): SagaActivities {
  const { db, clock, nudge } = deps;
  const orders = createOrderRepository({ db, clock, nudge });
  const inventory = createUnreliableInventory(
    createPostgresInventory({ db, clock, nudge }),
    deps.faults.inventory,
  );
  const gateway = createSimulatedProvider({ db, clock, faults: deps.faults.payment, ...deps.payment });
  const carrier = createSimulatedCarrier({ db, clock, faults: deps.faults.carrier, ...deps.carrier });
  return {
    ...createInventoryActivities({ inventory, orders }),
    ...createPaymentActivities({ gateway, orders }),
    ...createShippingActivities({ carrier, orders }),
    ...createOrderActivities({ orders, onEnded: deps.onEnded }),
  };
}

interface BooksDeps {
  readonly db: Knex;
  readonly payment: SimulatedListing;
  readonly carrier: SimulatedListing;
}

/** The books of the same provider and carrier, which audits read: swap them here as well. */
export const createBooks = ({ db, payment, carrier }: BooksDeps): Pick<Sources, 'provider' | 'carrier'> => ({
  provider: createSimulatedPaymentBooks({ db, ...payment }),
  carrier: createSimulatedCarrierBooks({ db, ...carrier }),
});
