import { setBack } from '../fault/faults/set-back.ts';
import { underFire } from '../fault/fire.ts';
import { plannedOrders } from '../fault/orders.ts';

const FAULT_WITHIN_MS = 480_000;

underFire(
  'no order is lost although PostgreSQL is set back to an older copy',
  {
    orders: plannedOrders(),
    everyMs: 400,
    endWithinMs: 240_000,
    // No event tells an idempotency key, so that those of the lost time are gone.
    except: ['I8'],
  },
  (fire) => {
    it(`survives: ${setBack.name}`, async function () {
      this.timeout(FAULT_WITHIN_MS);
      await setBack.run(fire(), 0);
    });
  },
);
