import { allSagasTerminated, lostTemporal } from '../fault/faults/temporal.ts';
import { underFire, untilOrdersAreAccepted } from '../fault/fire.ts';
import { plannedOrders } from '../fault/orders.ts';

/** Orphaned orders are looked for once a minute, and their sagas start again after that. */
const END_WITHIN_MS = 300_000;
const FAULT_WITHIN_MS = 180_000;
const ORDERS_BEFORE = 40;
/** So slow that many sagas run, at every step, when they are ended. */
const slow = {
  PAYMENT_LATENCY_MS: '1000',
  CARRIER_LATENCY_MS: '500',
  CARRIER_DISPATCH_MS: '5000',
  CARRIER_DELIVERY_MS: '5000',
};

for (const fault of [allSagasTerminated, lostTemporal])
  underFire(
    `no order is left without an ending although ${fault.name}`,
    { orders: plannedOrders(), everyMs: 400, env: slow, endWithinMs: END_WITHIN_MS },
    (fire) => {
      it(`survives: ${fault.name}`, async function () {
        this.timeout(FAULT_WITHIN_MS);
        await untilOrdersAreAccepted(fire(), 60_000, ORDERS_BEFORE);
        await fault.run(fire(), 0);
        await untilOrdersAreAccepted(fire(), 60_000);
      });
    },
  );
