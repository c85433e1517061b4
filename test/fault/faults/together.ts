import { WorkflowNotFoundError } from '@temporalio/client';
import type { ParcelNotified } from '../../../activities/shipping/carrier.ts';
import { runSimulatedParcels } from '../../../activities/shipping/simulated-parcels.ts';
import { reasonOf } from '../../../dev/servers/progress.ts';
import type { Knex } from '../../../db/connection.ts';
import { PARCEL_NOTICE_SIGNAL } from '../../../domain/shipment-saga.ts';
import { systemClock } from '../../../platform/clock.ts';
import type { BreakableStack } from '../../support/breakable-stack.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fire } from '../fire.ts';
import type { Load } from '../load.ts';
import { turnDials } from './dials.ts';
import type { Fault } from './fault.ts';

/** Long enough that parcels are still here when the worker is gone. */
const LEAVES_AFTER_MS = 16_000;
const LEAVES_WITHIN_MS = 60_000;
const PARCELS = 5;
/** So many that are not paid yet are cancelled as well. */
const ORDERS = 10;

/**
 * The worker is gone while parcels leave, the carrier sends its notices and customers cancel: when the worker is back,
 * its workflows get all of it in one workflow task.
 */
export const everythingTogether: Fault = {
  name: 'parcels leave, notices and cancellations arrive while no worker runs',
  run: async (fire) => {
    const { stack, load } = fire;
    await turnDials(fire, { carrierDispatchMs: LEAVES_AFTER_MS });
    const keys = await eventually(
      async () => {
        const here = await parcelsHere(stack.db);
        const kept = here.filter((key) => isKept(load, orderOf(key)));
        return kept.length >= PARCELS ? kept : undefined;
      },
      { what: `${PARCELS} parcels wait to leave`, withinMs: LEAVES_WITHIN_MS },
    );
    await stack.processes.kill('worker');
    await withCarrier(fire, () =>
      eventually(async () => (await notified(stack.db, keys)) === keys.length || undefined, {
        what: 'these parcels have left, and their notices are sent',
        withinMs: LEAVES_WITHIN_MS,
      }),
    );
    const kept = (await openOrders(stack.db)).filter((id) => isKept(load, id));
    const orders = new Set([...keys.map(orderOf), ...kept.slice(0, ORDERS)]);
    const cancelling = Promise.all([...orders].map((id) => load.cancel(id)));
    await Promise.all([stack.processes.start('worker'), cancelling]);
  },
};

/** Keys of the bookings whose parcels will not leave in the next moments. */
async function parcelsHere(db: Knex): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { key: string }[] }>(
    `select booking_key as key from shipping.bookings
     where state = 'BOOKED' and leaves_at > now() + interval '2 seconds'`,
  );
  return rows.map(({ key }) => key);
}

/** Ids of the orders whose order saga has begun and not ended, or is still to begin. */
async function openOrders(db: Knex): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select id from orders.orders where status in ('PENDING', 'RESERVED', 'PAID') order by id`,
  );
  return rows.map(({ id }) => id);
}

/** How many of these the carrier has sent a notice of. */
async function notified(db: Knex, keys: readonly string[]): Promise<number> {
  const { rows } = await db.raw<{ rows: [{ count: number }] }>(
    `select count(told_state)::integer as count from shipping.bookings where booking_key = any(?)`,
    [[...keys]],
  );
  return rows[0].count;
}

/** Its client has the answer to the order, and has not cancelled it. */
function isKept({ told }: Load, orderId: string): boolean {
  const record = told.get(orderId);
  return record !== undefined && record.words === undefined;
}

const orderOf = (bookingKey: string): string => bookingKey.replace(/^shipment-/, '');

const notifyOver =
  ({ temporal }: BreakableStack): ParcelNotified =>
  async (key, notice) => {
    try {
      await temporal.workflow.getHandle(key).signal(PARCEL_NOTICE_SIGNAL, notice);
    } catch (error) {
      // A shipment that has ended needs no more notices.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  };

/** Runs a carrier in this process, since the simulated one stops with the worker. */
async function withCarrier({ stack }: Fire, act: () => Promise<unknown>): Promise<void> {
  const stopping = new AbortController();
  let failure: unknown;
  const running = runSimulatedParcels(
    {
      db: stack.db,
      clock: systemClock,
      notify: notifyOver(stack),
      onFailure: (error) => {
        failure = error;
      },
    },
    stopping.signal,
  );
  try {
    await act();
  } catch (error) {
    throw new Error(`${reasonOf(error)}; the carrier failed last with ${reasonOf(failure)}`, {
      cause: error,
    });
  } finally {
    stopping.abort();
    await running;
  }
}
