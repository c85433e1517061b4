import { fullDisk } from '../fault/faults/disks.ts';
import { underFire, untilOrdersAreAccepted } from '../fault/fire.ts';
import { plannedOrders } from '../fault/orders.ts';

/** In MB: enough for the orders of a run, with PostgreSQL's log of changes. */
const disks = { postgres: 400, nats: 100 } as const;
const FAULT_WITHIN_MS = 240_000;

for (const server of ['postgres', 'nats'] as const)
  underFire(
    `the disk of ${server} is full`,
    { orders: plannedOrders(), everyMs: 500, disks: { [server]: disks[server] }, endWithinMs: 240_000 },
    (fire) => {
      const fault = fullDisk(server);
      it(`survives: ${fault.name}`, async function () {
        this.timeout(FAULT_WITHIN_MS);
        await fault.run(fire(), 0);
        await untilOrdersAreAccepted(fire(), 60_000);
      });
    },
  );
