import { setTimeout as delay } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Knex } from '../../db/connection.ts';
import { cursorOf, positionBefore, positionOf } from '../../db/keyset.ts';
import type { BookPage, BookQuery, SimulatedListing } from '../book-pages.ts';
import type { CarrierBooks, ListedParcel } from './carrier.ts';

interface BookingRow extends Pick<ListedParcel, 'key' | 'status' | 'changedAt'> {
  readonly trackingNumber: string | null;
  readonly micros: string;
}

// Index bookings_by_time (updated_at, booking_key). A booking that is OPEN was never made.
const selectPage = `
  select booking_key as key, state as status, tracking_number as "trackingNumber", updated_at as "changedAt",
    cast(cast(extract(epoch from updated_at) * 1000000 as bigint) as text) as micros
  from shipping.bookings
  where (updated_at, booking_key) >
      (timestamptz 'epoch' + cast(:micros as float8) * interval '1 microsecond', cast(:key as text))
    and state <> 'OPEN'
  order by updated_at, booking_key
  limit :limit`;

interface Deps extends SimulatedListing {
  readonly db: Knex;
}

/** The books of the simulated carrier: its bookings. */
export const createSimulatedCarrierBooks = ({
  db,
  latencyMs,
  faults = { failureRate: 0 },
  random = Math.random,
}: Deps): CarrierBooks => ({
  listParcels: async (query) => {
    await delay(latencyMs);
    if (random() < faults.failureRate)
      throw new OrderSystemError('CARRIER_UNAVAILABLE', 'the carrier did not list its books (simulated)');
    return listBookings(db, query);
  },
});

/** A page of the simulated carrier's bookings. */
async function listBookings(db: Knex, { since, cursor, limit }: BookQuery): Promise<BookPage<ListedParcel>> {
  const { micros, key } = cursor === undefined ? positionBefore(since, '') : positionOf(cursor);
  const { rows } = await db.raw<{ rows: BookingRow[] }>(selectPage, { micros, key, limit });
  const last = rows.length < limit ? undefined : rows.at(-1);
  return {
    entries: rows.map(({ key: bookingKey, status, trackingNumber, changedAt }) => ({
      ...{ key: bookingKey, status, changedAt },
      ...(trackingNumber === null ? {} : { trackingNumber }),
    })),
    ...(last && { next: cursorOf({ micros: last.micros, key: last.key }) }),
  };
}
