import type { Knex } from '../../db/connection.ts';
import type { RelayActivities } from '../../domain/relay.ts';
import { systemClock } from '../../platform/clock.ts';
import { loadConfig, workerSchema } from '../../platform/config.ts';
import { createSagaActivities, type SagaActivities } from '../../worker/activities.ts';

/** What the worker runs with when nobody sets anything. */
export const shipped = loadConfig(workerSchema, {});

/** As the worker has them, except that the payment provider answers at once and no relay is there to be woken. */
export const shippedActivities = (db: Knex): SagaActivities =>
  createSagaActivities({
    db,
    clock: systemClock,
    nudge: () => undefined,
    faults: {
      inventory: { failureRate: 0, latencyMs: 0 },
      carrier: { refusalRate: 0, timeoutRate: 0, lossRate: 0, dispatchMs: 0, deliveryMs: 0 },
    },
    payment: { latencyMs: 0, timeoutMs: shipped.PAYMENT_TIMEOUT_MS },
    carrier: { latencyMs: 0, timeoutMs: shipped.CARRIER_TIMEOUT_MS },
    onEnded: () => undefined,
  });

const nothing = (): Promise<void> => Promise.resolve();

/** The same names, so that the workflow code and its history keep their shape. */
export const activitiesThatDoNothing: SagaActivities = {
  reserveInventory: nothing,
  releaseInventory: nothing,
  shipInventory: nothing,
  chargePayment: nothing,
  resolveCharge: () => Promise.resolve('CHARGED'),
  refundPayment: nothing,
  orderStatus: () => Promise.resolve('PENDING'),
  completeOrder: nothing,
  cancelOrder: nothing,
  deliverOrder: nothing,
  failShipment: nothing,
  refundOrder: nothing,
  bookCarrier: nothing,
  locateParcel: () => Promise.resolve('BOOKED'),
  cancelBooking: () => Promise.resolve(true),
};

/** The relay worker idles here, as no relay is started. */
export const relaysThatDoNothing: RelayActivities = { relayOutbox: nothing };
