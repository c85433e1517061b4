import { createPostgresInventory } from '../../activities/inventory/postgres-inventory.ts';
import { createSimulatedProvider } from '../../activities/payments/simulated-provider.ts';
import type { Knex } from '../../db/connection.ts';
import { createOrderRepository } from '../../db/order-repository.ts';
import type { AuditActivities } from '../../domain/audit.ts';
import type { SagaWatchActivities } from '../../domain/saga-watch.ts';
import type { HousekeepingActivities, RelayActivities } from '../../domain/relay.ts';
import { systemClock } from '../../platform/clock.ts';
import { loadConfig, workerSchema } from '../../platform/config.ts';
import { createSagaActivities, type SagaActivities } from '../../worker/activities.ts';
import type { Writes } from './activity-per-write.ts';

/** What the worker runs with when nobody sets anything. */
export const shipped = loadConfig(workerSchema, {});

/** The payment provider answers at once, and no relay is there to be woken. */
const payment = { latencyMs: 0, timeoutMs: shipped.PAYMENT_TIMEOUT_MS };
const over = (db: Knex): { db: Knex; clock: typeof systemClock; nudge: () => void } => ({
  db,
  clock: systemClock,
  nudge: () => undefined,
});

/** As the worker has them, but for the above. */
export const shippedActivities = (db: Knex): SagaActivities =>
  createSagaActivities({
    ...over(db),
    faults: {
      inventory: { failureRate: 0, latencyMs: 0 },
      payment: { refundFailureRate: 0, outage: false },
      carrier: { refusalRate: 0, timeoutRate: 0, lossRate: 0, dispatchMs: 0, deliveryMs: 0, outage: false },
    },
    payment,
    carrier: { latencyMs: 0, timeoutMs: shipped.CARRIER_TIMEOUT_MS },
    onEnded: () => undefined,
  });

/** The same writes over the same adapters, each alone. */
export function writeActivities(db: Knex): Writes {
  const orders = createOrderRepository(over(db));
  const inventory = createPostgresInventory(over(db));
  const gateway = createSimulatedProvider({ ...over(db), ...payment });
  return {
    readStatus: async ({ id }) => (await orders.positionOf(id)).status,
    reserveStock: ({ id, lines, provenance }) => inventory.reserve(id, lines, provenance),
    recordReservation: async ({ id, provenance }) => {
      await orders.change(id, { type: 'RecordReservation' }, provenance);
    },
    charge: async ({ id, totalMinor: amountMinor, currency, paymentMethod }) => {
      const request = { idempotencyKey: `order-${id}`, amount: { amountMinor, currency }, paymentMethod };
      return (await gateway.charge(request)).providerReference;
    },
    recordCharge: async ({ id, totalMinor: amountMinor, provenance }, providerReference) => {
      await orders.change(id, { type: 'RecordCharge', amountMinor, providerReference }, provenance);
    },
    recordCompletion: async ({ id, provenance }) => {
      await orders.change(id, { type: 'CompleteOrder' }, provenance);
    },
  };
}

const pending = { status: 'PENDING', approval: 'NONE', undo: null } as const;
const nothing = (): Promise<void> => Promise.resolve();

/** The same names, so that the workflow code and its history keep their shape. */
export const activitiesThatDoNothing: SagaActivities = {
  reserveInventory: nothing,
  releaseInventory: nothing,
  shipInventory: nothing,
  chargePayment: nothing,
  resolveCharge: () => Promise.resolve('CHARGED'),
  refundPayment: nothing,
  orderStatus: () => Promise.resolve(pending),
  beginUndo: () => Promise.resolve(pending),
  completeOrder: nothing,
  cancelOrder: nothing,
  deliverOrder: nothing,
  failShipment: nothing,
  refundOrder: nothing,
  requestApproval: nothing,
  recordApproval: nothing,
  recordStuck: () => Promise.resolve({ occurrence: 1, waiver: null }),
  requestWaiver: nothing,
  recordResolution: nothing,
  bookCarrier: () => Promise.resolve('BOOKED'),
  locateParcel: () => Promise.resolve('BOOKED'),
  cancelBooking: () => Promise.resolve(true),
};

/** The relay worker idles here, as no relay is started. */
export const outboxThatDoesNothing: RelayActivities &
  HousekeepingActivities &
  AuditActivities &
  SagaWatchActivities = {
  relayOutbox: nothing,
  keepOutboxPartitions: () => Promise.resolve({ created: [], dropped: [], postponed: [] }),
  removeExpiredKeys: () => Promise.resolve(0),
  auditSystem: () => Promise.reject(new Error('nothing is audited here')),
  restartOrphans: () => Promise.resolve({ examined: 0, orphaned: {}, restarted: 0, failed: 0 }),
};
