import assert from 'node:assert/strict';
import { openBooks, type Books } from '../../../activities/audit/books.ts';
import { CannotLookError, type Sources } from '../../../activities/audit/sources.ts';
import type { BookPage, BookQuery } from '../../../activities/book-pages.ts';
import type { PaymentEntry } from '../../../activities/payments/payment-gateway.ts';
import type { ListedParcel } from '../../../activities/shipping/carrier.ts';
import { OrderSystemError } from '../../../domain/errors.ts';

const ORDER = '019aa000-0000-7000-8000-000000000000';
const OTHER = '019aa000-0000-7000-8000-000000000001';
const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
const MINUTE_MS = 60_000;
const ago = (minutes: number): Date => new Date(Date.now() - minutes * MINUTE_MS);

/** Lists two entries a page, ordered by their times, and remembers what it was asked. */
function listing<Entry>(timeOf: (entry: Entry) => Date) {
  const entries: Entry[] = [];
  const asked: BookQuery[] = [];
  const refusals: Error[] = [];
  const list = (query: BookQuery): Promise<BookPage<Entry>> => {
    asked.push(query);
    const refusal = refusals.shift();
    if (refusal) return Promise.reject(refusal);
    const since = query.since?.getTime() ?? 0;
    const wanted = entries
      .filter((entry) => timeOf(entry).getTime() >= since)
      .sort((a, b) => timeOf(a).getTime() - timeOf(b).getTime());
    const from = Number(query.cursor ?? 0);
    const page = wanted.slice(from, from + 2);
    return Promise.resolve({
      entries: page,
      ...(from + 2 < wanted.length && { next: String(from + 2) }),
    });
  };
  return { entries, asked, refusals, list };
}

function openFake(settleWithinMs = 1_000, partitions: readonly number[] = ALL) {
  const payments = listing<PaymentEntry>(({ bookedAt }) => bookedAt);
  const parcels = listing<ListedParcel>(({ changedAt }) => changedAt);
  const sources: Pick<Sources, 'provider' | 'carrier' | 'settleWithinMs' | 'onProgress'> = {
    provider: { listEntries: payments.list },
    carrier: { listParcels: parcels.list },
    settleWithinMs,
    onProgress: () => undefined,
  };
  const books: Books = openBooks(sources as Sources, partitions);
  return { payments, parcels, books };
}

let entries = 0;
const entry = (
  orderId: string,
  kind: PaymentEntry['kind'],
  bookedAt: Date,
  more: Partial<PaymentEntry> = {},
): PaymentEntry => ({
  entryId: String(++entries),
  idempotencyKey: `order-${orderId}`,
  ...{ kind, bookedAt, amount: { amountMinor: 100, currency: 'EUR' } },
  ...more,
});
const parcel = (orderId: string, status: ListedParcel['status'], changedAt: Date): ListedParcel => ({
  key: `shipment-${orderId}`,
  ...{ status, changedAt },
});
const unavailable = (code: 'PAYMENT_UNAVAILABLE' | 'CARRIER_UNAVAILABLE'): Error =>
  new OrderSystemError(code, 'away');

describe('the books as the audit reads them', () => {
  it('add up each order’s entries over all pages, and say what changed within the hour', async () => {
    const { payments, parcels, books } = openFake();
    payments.entries.push(
      entry(ORDER, 'CHARGE', ago(180)),
      entry(OTHER, 'CHARGE', ago(170)),
      entry(ORDER, 'REFUND', ago(90)),
      entry(OTHER, 'CHARGE', ago(1), { amount: { amountMinor: 7, currency: 'USD' } }),
    );
    parcels.entries.push(parcel(ORDER, 'CANCELLED', ago(90)), parcel(OTHER, 'BOOKED', ago(2)));
    await books.readOn();
    const euros = { charges: 1, refunds: 1, charged: 100, refunded: 100, currency: 'EUR' };
    assert.deepEqual(books.moneyOf(ORDER), { ...euros, isRecent: false });
    const mixed = { charges: 2, refunds: 0, charged: 107, refunded: 0, currency: 'EUR, USD' };
    assert.deepEqual(books.moneyOf(OTHER), { ...mixed, isRecent: true });
    assert.deepEqual(books.parcelOf(ORDER), { status: 'CANCELLED', isRecent: false });
    assert.deepEqual(books.parcelOf(OTHER), { status: 'BOOKED', isRecent: true });
    assert.deepEqual([...books.orders()].sort(), [ORDER, OTHER]);
    assert.deepEqual(books.counted, { charges: 3, refunds: 1, parcels: 2, foreign: 0 });
  });

  it('are read on from some minutes before the newest entry: a late one counts, none counts twice', async () => {
    const { payments, parcels, books } = openFake();
    payments.entries.push(entry(ORDER, 'CHARGE', ago(60)), entry(ORDER, 'CHARGE', ago(10)));
    parcels.entries.push(parcel(ORDER, 'BOOKED', ago(10)));
    await books.readOn();
    payments.entries.push(entry(OTHER, 'CHARGE', ago(12)), entry(ORDER, 'REFUND', ago(0)));
    parcels.entries.splice(0, 1, parcel(ORDER, 'DISPATCHED', ago(0)));
    await books.readOn();
    await books.readOn();
    assert.equal(books.moneyOf(ORDER)?.charges, 2);
    assert.equal(books.moneyOf(ORDER)?.refunds, 1);
    assert.equal(books.moneyOf(OTHER)?.charges, 1);
    assert.equal(books.parcelOf(ORDER)?.status, 'DISPATCHED');
    assert.equal(payments.asked[0]?.since, undefined);
    const since = payments.asked.at(-1)?.since;
    assert.ok(since && since > ago(20), 'the whole book is not read again');
  });

  it('count nothing twice when the provider’s clock is ahead of ours', async () => {
    const { payments, books } = openFake();
    payments.entries.push(...[-30, -20, 3, 4].map((minutes) => entry(ORDER, 'CHARGE', ago(minutes))));
    await books.readOn();
    payments.entries.push(entry(OTHER, 'CHARGE', ago(0)));
    await books.readOn();
    assert.equal(books.moneyOf(ORDER)?.charges, 4);
    assert.equal(books.moneyOf(OTHER)?.charges, 1);
  });

  it('pass over keys of other applications, and orders of other partitions', async () => {
    const { payments, parcels, books } = openFake();
    payments.entries.push(entry(ORDER, 'CHARGE', ago(1), { idempotencyKey: 'subscription-7' }));
    parcels.entries.push({ ...parcel(ORDER, 'BOOKED', ago(1)), key: 'order-' + ORDER });
    await books.readOn();
    assert.deepEqual([...books.orders()], []);
    assert.equal(books.counted.foreign, 2);

    const none = openFake(1_000, []);
    none.payments.entries.push(entry(ORDER, 'CHARGE', ago(1)));
    await none.books.readOn();
    assert.deepEqual([...none.books.orders()], []);
  });

  it('are asked for again when a page is not available, and cannot be read when it stays so', async () => {
    const { payments, books } = openFake();
    payments.entries.push(entry(ORDER, 'CHARGE', ago(1)));
    payments.refusals.push(unavailable('PAYMENT_UNAVAILABLE'));
    await books.readOn();
    assert.equal(books.moneyOf(ORDER)?.charges, 1);

    for (const [which, code, says] of [
      ['payments', 'PAYMENT_UNAVAILABLE', 'the payment provider did not list its books within 0.1 s'],
      ['parcels', 'CARRIER_UNAVAILABLE', 'the carrier did not list its books within 0.1 s'],
    ] as const) {
      const away = openFake(100);
      away[which].refusals.push(...Array.from({ length: 9 }, () => unavailable(code)));
      await assert.rejects(away.books.readOn(), (error) => {
        assert.ok(error instanceof CannotLookError);
        assert.equal(error.message, says);
        return true;
      });
    }
  });
});
