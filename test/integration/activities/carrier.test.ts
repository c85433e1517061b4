import assert from 'node:assert/strict';
import type { Carrier, ListedParcel } from '../../../activities/shipping/carrier.ts';
import { createSimulatedCarrierBooks } from '../../../activities/shipping/simulated-bookings.ts';
import {
  createSimulatedCarrier,
  type CarrierFaults,
} from '../../../activities/shipping/simulated-carrier.ts';
import { runSimulatedParcels } from '../../../activities/shipping/simulated-parcels.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';

describe('simulated carrier', () => {
  let database: TestDatabase;

  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const faultless: CarrierFaults = {
    refusalRate: 0,
    timeoutRate: 0,
    lossRate: 0,
    dispatchMs: 3_600_000,
    deliveryMs: 3_600_000,
    outage: false,
  };
  /** @param draws what chance says, in turn; the last one stays */
  function carrierWith(faults: Partial<CarrierFaults> = {}, draws: readonly number[] = [0.5]): Carrier {
    let drawn = 0;
    return createSimulatedCarrier({
      db: database.db,
      clock: systemClock,
      faults: { ...faultless, ...faults },
      latencyMs: 1,
      timeoutMs: 20,
      random: () => draws[Math.min(drawn++, draws.length - 1)] ?? 0,
    });
  }

  it('one key is booked once, however often and at whatever time it is asked', async () => {
    const carrier = carrierWith();
    const key = newId();
    const parcels = await Promise.all(Array.from({ length: 6 }, () => carrier.book(key)));
    assert.equal(new Set(parcels.map(({ trackingNumber }) => trackingNumber)).size, 1);
    assert.equal((await carrier.locate(key)).status, 'BOOKED');
  });

  it('a refused booking stays refused', async () => {
    const key = newId();
    await assert.rejects(carrierWith({ refusalRate: 1 }).book(key), { code: 'BOOKING_REFUSED' });
    await assert.rejects(carrierWith().book(key), { code: 'BOOKING_REFUSED' });
    assert.equal((await carrierWith().locate(key)).status, 'REFUSED');
    assert.equal((await carrierWith().cancel(key)).status, 'REFUSED');
  });

  it('a time-out before acting leaves nothing behind, one after acting has booked', async () => {
    const [before, after] = [newId(), newId()];
    const unknown = { code: 'BOOKING_OUTCOME_UNKNOWN' };
    await assert.rejects(carrierWith({ timeoutRate: 1 }, [0.4]).book(before), unknown);
    await assert.rejects(carrierWith({ timeoutRate: 1 }, [0.6]).book(after), unknown);
    assert.deepEqual(await carrierWith().locate(before), { status: 'NOT_FOUND' });
    assert.equal((await carrierWith().locate(after)).status, 'BOOKED');
  });

  it('an outage fails every call, and half of the bookings have acted all the same', async () => {
    const [before, after] = [newId(), newId()];
    const unavailable = { code: 'CARRIER_UNAVAILABLE' };
    await assert.rejects(carrierWith({ outage: true }, [0.4]).book(before), unavailable);
    await assert.rejects(carrierWith({ outage: true }, [0.6]).book(after), {
      code: 'BOOKING_OUTCOME_UNKNOWN',
    });
    await assert.rejects(carrierWith({ outage: true }).locate(after), unavailable);
    await assert.rejects(carrierWith({ outage: true }).cancel(after), unavailable);
    assert.deepEqual(await carrierWith().locate(before), { status: 'NOT_FOUND' });
    assert.equal((await carrierWith().locate(after)).status, 'BOOKED');
  });

  it('a booking that arrives after it was taken back is refused', async () => {
    const carrier = carrierWith();
    const key = newId();
    assert.equal((await carrier.cancel(key)).status, 'CANCELLED');
    await assert.rejects(carrier.book(key), { code: 'BOOKING_FENCED' });
  });

  describe('its parcels', () => {
    /** Lets parcels move, and tells what was heard, until `until` has come true. */
    async function move(
      heard: string[],
      until: () => boolean,
      { deafFor = 0, faults = faultless }: { deafFor?: number; faults?: CarrierFaults } = {},
    ): Promise<void> {
      const stop = new AbortController();
      let refusals = deafFor;
      const running = runSimulatedParcels(
        {
          db: database.db,
          clock: systemClock,
          faults,
          notify: (key, notice) => {
            if (refusals-- > 0) return Promise.reject(new Error('nobody answers'));
            heard.push(`${key} ${notice}`);
            return Promise.resolve();
          },
          onFailure: () => undefined,
        },
        stop.signal,
      );
      await eventually(() => Promise.resolve(until() || undefined), { what: 'the carrier has told' });
      stop.abort();
      await running;
    }

    it('leave and arrive in time, and each is told until it was heard', async () => {
      const key = newId();
      const carrier = carrierWith({ dispatchMs: 0, deliveryMs: 0 });
      await carrier.book(key);
      const heard: string[] = [];
      await move(heard, () => heard.includes(`${key} DELIVERED`), { deafFor: 1 });
      assert.deepEqual(new Set(heard).size, heard.length, 'what was heard is not told again');
      assert.equal((await carrier.locate(key)).status, 'DELIVERED');
    });

    it('leave during an outage, of which no notice is sent until it is over', async () => {
      const key = newId();
      const carrier = carrierWith({ dispatchMs: 0, deliveryMs: 0 });
      await carrier.book(key);
      const faults = { ...faultless, outage: true };
      const heard: string[] = [];
      const moving = move(heard, () => heard.includes(`${key} DELIVERED`), { faults });
      await eventually(async () => (await carrier.locate(key)).status === 'DELIVERED' || undefined, {
        what: 'the parcel has arrived',
      });
      assert.deepEqual(heard, []);
      faults.outage = false;
      await moving;
    });

    it('get lost', async () => {
      const key = newId();
      await carrierWith({ dispatchMs: 0, deliveryMs: 0, lossRate: 1 }).book(key);
      const heard: string[] = [];
      await move(heard, () => heard.includes(`${key} LOST`));
    });

    it('cannot be taken back once they have left, and do not move once they were taken back', async () => {
      const [left, cancelled] = [newId(), newId()];
      const carrier = carrierWith({ dispatchMs: 0 });
      await carrier.book(left);
      await carrier.book(cancelled);
      await carrier.cancel(cancelled);
      const heard: string[] = [];
      await move(heard, () => heard.includes(`${left} DISPATCHED`));
      assert.equal((await carrier.cancel(left)).status, 'DISPATCHED');
      assert.deepEqual(
        heard.filter((line) => line.startsWith(cancelled)),
        [],
      );
    });
  });

  describe('its books', () => {
    const listed = async (since: Date, limit: number): Promise<ListedParcel[]> => {
      const books = createSimulatedCarrierBooks({ db: database.db, latencyMs: 1 });
      const parcels: ListedParcel[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const page = await books.listParcels({ since, limit, ...(cursor !== '' && { cursor }) });
        assert.ok(page.entries.length <= limit);
        parcels.push(...page.entries);
        cursor = page.next;
      }
      return parcels;
    };

    it('list each booking as it is now, the latest change last, whatever the size of a page', async () => {
      const carrier = carrierWith();
      const [cancelled, booked, refused, fence] = [newId(), newId(), newId(), newId()];
      const since = new Date();
      await carrier.book(cancelled);
      await carrier.book(booked);
      await assert.rejects(carrierWith({ refusalRate: 1 }).book(refused));
      await carrier.cancel(fence);
      await carrier.cancel(cancelled);
      const { trackingNumber } = await carrier.locate(booked);
      for (const limit of [1, 2, 100]) {
        const parcels = await listed(since, limit);
        assert.deepEqual(
          parcels.map(({ key, status }) => [key, status]),
          [
            [booked, 'BOOKED'],
            [refused, 'REFUSED'],
            [fence, 'CANCELLED'],
            [cancelled, 'CANCELLED'],
          ],
        );
        assert.equal(parcels[0]?.trackingNumber, trackingNumber);
      }
    });

    it('are not available as often as they are told not to be', async () => {
      const faults = { failureRate: 1 };
      const books = createSimulatedCarrierBooks({ db: database.db, latencyMs: 1, faults });
      await assert.rejects(books.listParcels({ limit: 1 }), { code: 'CARRIER_UNAVAILABLE' });
      faults.failureRate = 0;
      assert.equal((await books.listParcels({ limit: 1 })).entries.length, 1);
    });
  });
});
