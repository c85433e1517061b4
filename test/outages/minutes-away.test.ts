import { z } from 'zod';
import { loadConfig } from '../../platform/config.ts';
import { away, serviceNames } from '../fault/faults/away.ts';
import { underFire, untilOrdersAreAccepted } from '../fault/fire.ts';
import { plannedOrders } from '../fault/orders.ts';

const { OUTAGE_MS: outageMs } = loadConfig(
  z.object({ OUTAGE_MS: z.coerce.number().int().positive().default(300_000) }),
);
const MARGIN_MS = 120_000;
/** What waited for the service for minutes is repeated after up to half a minute, and all of it at once. */
const END_WITHIN_MS = 300_000;

for (const name of serviceNames) {
  const fault = away([name], outageMs);
  underFire(
    `every order that would have completed completes although ${name} is away`,
    { orders: plannedOrders(), everyMs: 1_000, endWithinMs: END_WITHIN_MS },
    (fire) => {
      it(`survives: ${fault.name}`, async function () {
        this.timeout(outageMs + MARGIN_MS);
        await fault.run(fire(), 0);
        await untilOrdersAreAccepted(fire(), 60_000);
      });
    },
  );
}
