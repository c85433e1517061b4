import type { ParcelNotice } from '../../domain/shipment-saga.ts';
import type { Knex } from '../../db/connection.ts';
import type { Clock } from '../../platform/clock.ts';
import { pauseUnlessAborted } from '../../platform/pace.ts';
import type { ParcelNotified } from './carrier.ts';
import type { CarrierFaults } from './simulated-carrier.ts';

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly notify: ParcelNotified;
  /** While there is an outage, parcels move and no notice is sent. */
  readonly faults?: Pick<CarrierFaults, 'outage'>;
  /** Called once a round; what failed is tried again at the next one. */
  readonly onFailure: (error: unknown) => void;
}

const ROUND_MS = 200;
/** After a round in which something failed. */
const LATER_MS = 1_000;
const NOTICES_PER_ROUND = 200;

// Uses the partial index bookings_on_their_way. A parcel whose times have both come moves one step a round.
const move = `
  update shipping.bookings
  set state = case
      when state = 'BOOKED' then 'DISPATCHED'
      when gets_lost then 'LOST'
      else 'DELIVERED'
    end,
    updated_at = :now
  where (state = 'BOOKED' and leaves_at <= :now) or (state = 'DISPATCHED' and arrives_at <= :now)`;

// Uses the partial index bookings_to_tell. In random order, so that notices that no saga takes do not block the others.
const untold = `
  select booking_key as key, state as notice
  from shipping.bookings
  where state in ('DISPATCHED', 'DELIVERED', 'LOST') and told_state is distinct from state
  order by random()
  limit :limit`;

const told = `update shipping.bookings set told_state = :notice where booking_key = :key`;

/**
 * Moves the simulated carrier's parcels when their time has come, and tells of each until it was heard, until aborted.
 * Several at once are harmless: they tell the same thing twice.
 */
export async function runSimulatedParcels(deps: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let hasFailed = false;
    try {
      await round(deps);
    } catch (error) {
      hasFailed = true;
      deps.onFailure(error);
    }
    await pauseUnlessAborted(hasFailed ? LATER_MS : ROUND_MS, signal);
  }
}

/** @throws the first failure, when all notices were tried */
async function round({ db, clock, notify, faults }: Deps): Promise<void> {
  await db.raw(move, { now: clock.now() });
  if (faults?.outage) return;
  const { rows } = await db.raw<{ rows: { key: string; notice: ParcelNotice }[] }>(untold, {
    limit: NOTICES_PER_ROUND,
  });
  const outcomes = await Promise.allSettled(
    rows.map(async ({ key, notice }) => {
      await notify(key, notice);
      await db.raw(told, { key, notice });
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}
