import { setTimeout as delay } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Knex } from '../../db/connection.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import type { Carrier, Parcel } from './carrier.ts';

/** What a demonstration or a fault test may turn while the carrier works. Shares are from 0 to 1. */
export interface CarrierFaults {
  /** Share of bookings that are refused. */
  refusalRate: number;
  /** Share of bookings that get no answer, half of them after the carrier acted. */
  timeoutRate: number;
  /** Share of parcels that get lost on the way. */
  lossRate: number;
  /** From the booking until the parcel leaves, in ms. */
  dispatchMs: number;
  /** From then until it arrives or is lost, in ms. */
  deliveryMs: number;
  /**
   * The carrier cannot be reached: calls fail; half of the bookings act, and then time out. Parcels move, but no
   * notices are sent.
   */
  outage: boolean;
}

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly faults: Readonly<CarrierFaults>;
  /** How long the carrier takes to answer, in ms. */
  readonly latencyMs: number;
  /** How long a caller waits before the outcome counts as unknown, in ms. */
  readonly timeoutMs: number;
  readonly random?: () => number;
}

interface Booking {
  readonly booking_key: string;
  readonly state: 'OPEN' | 'BOOKED' | 'REFUSED' | 'CANCELLED' | 'DISPATCHED' | 'DELIVERED' | 'LOST';
  readonly tracking_number: string | null;
}

/** A carrier with its books in PostgreSQL; `simulated-parcels.ts` moves its parcels and tells of them. */
export function createSimulatedCarrier(deps: Deps): Carrier {
  const { db, clock, faults, latencyMs, timeoutMs, random = Math.random } = deps;

  return {
    name: 'Simulated Parcels',

    book: async (key) => {
      const draw = random();
      if (faults.outage && draw < 0.5) return unreachable();
      if (draw < faults.timeoutRate / 2) return timeOut(timeoutMs);
      await delay(latencyMs);
      const booking = await db.transaction((trx) => book(trx, key));
      if (faults.outage || draw < faults.timeoutRate) return timeOut(timeoutMs);
      return answerTo(booking);
    },

    locate: async (key) => {
      if (faults.outage) return unreachable();
      await delay(latencyMs);
      const booking = await db<Booking>('shipping.bookings').where({ booking_key: key }).first();
      return booking ? toParcel(booking) : { status: 'NOT_FOUND' };
    },

    cancel: async (key) => {
      if (faults.outage) return unreachable();
      await delay(latencyMs);
      return toParcel(await db.transaction((trx) => cancel(trx, key)));
    },
  };

  async function book(trx: Knex.Transaction, key: string): Promise<Booking> {
    const booking = await lockBooking(trx, key);
    if (booking.state !== 'OPEN') return booking;
    if (random() < faults.refusalRate) return change(trx, key, { state: 'REFUSED' });
    const leavesAt = clock.now().getTime() + faults.dispatchMs;
    return change(trx, key, {
      state: 'BOOKED',
      tracking_number: `SIM${newId().replaceAll('-', '').slice(-12).toUpperCase()}`,
      leaves_at: new Date(leavesAt),
      arrives_at: new Date(leavesAt + faults.deliveryMs),
      gets_lost: random() < faults.lossRate,
    });
  }

  async function cancel(trx: Knex.Transaction, key: string): Promise<Booking> {
    const booking = await lockBooking(trx, key);
    return booking.state === 'OPEN' || booking.state === 'BOOKED'
      ? change(trx, key, { state: 'CANCELLED' })
      : booking;
  }

  /** Makes the key's row if need be and locks it: one call at a time works on a key. */
  async function lockBooking(trx: Knex.Transaction, key: string): Promise<Booking> {
    await trx('shipping.bookings')
      .insert({ booking_key: key, state: 'OPEN', updated_at: clock.now() })
      .onConflict('booking_key')
      .ignore();
    const booking = await trx<Booking>('shipping.bookings').where({ booking_key: key }).forUpdate().first();
    if (!booking) throw new Error(`booking ${key} vanished`);
    return booking;
  }

  async function change(
    trx: Knex.Transaction,
    key: string,
    values: Partial<Booking> & Record<string, unknown>,
  ): Promise<Booking> {
    const [changed] = (await trx('shipping.bookings')
      .where({ booking_key: key })
      .update({ ...values, updated_at: clock.now() })
      .returning('*')) as Booking[];
    if (!changed) throw new Error(`booking ${key} vanished`);
    return changed;
  }
}

function answerTo(booking: Booking): Parcel {
  if (booking.state === 'REFUSED')
    throw new OrderSystemError('BOOKING_REFUSED', 'the carrier does not take the parcel');
  if (booking.state === 'CANCELLED') {
    throw new OrderSystemError(
      'BOOKING_FENCED',
      `${booking.booking_key} was taken back; it takes no booking any more`,
    );
  }
  return toParcel(booking);
}

const toParcel = ({ state, tracking_number }: Booking): Parcel => ({
  status: state === 'OPEN' ? 'NOT_FOUND' : state,
  ...(tracking_number === null ? {} : { trackingNumber: tracking_number }),
});

const unreachable = (): never => {
  throw new OrderSystemError('CARRIER_UNAVAILABLE', 'the carrier cannot be reached (simulated)');
};

async function timeOut(timeoutMs: number): Promise<never> {
  await delay(timeoutMs);
  throw new OrderSystemError('BOOKING_OUTCOME_UNKNOWN', `the carrier did not answer within ${timeoutMs} ms`);
}
