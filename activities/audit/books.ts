import type { BookCounts } from '../../domain/audit.ts';
import { partitionOf } from '../../domain/topology.ts';
import type { BookQuery } from '../book-pages.ts';
import { orderOfCharge } from '../payments/activities.ts';
import type { PaymentEntry } from '../payments/payment-gateway.ts';
import { orderOfBooking } from '../shipping/activities.ts';
import type { ListedParcel } from '../shipping/carrier.ts';
import { readBook } from './book-reader.ts';
import type { Sources } from './sources.ts';
import { interning } from './versions.ts';

/** What the payment provider's books say of one order, in minor units. */
export interface BookedMoney {
  readonly charges: number;
  readonly refunds: number;
  readonly charged: number;
  readonly refunded: number;
  /** Of all entries; several, with commas between, when they differ. */
  readonly currency: string;
}

/** What an outside system says of one order, and whether it said something else a while ago. */
export type Told<What> = What & {
  /** It changed within `GRACE_MS`: the order's row may still follow. */
  readonly isRecent: boolean;
};

export interface BookedParcel {
  readonly status: ListedParcel['status'];
}

/**
 * What the books of provider and carrier say of the orders of some partitions, by order id: read once from the
 * beginning, and from the newest entry on when they are read again. Some 100 bytes are remembered for each order.
 */
export interface Books {
  /** Orders of which either book holds anything. */
  orders(): Set<string>;
  moneyOf(orderId: string): Told<BookedMoney> | undefined;
  parcelOf(orderId: string): Told<BookedParcel> | undefined;
  /** Reads what has been added. @throws CannotLookError when a book cannot be had */
  readOn(): Promise<void>;
  readonly counted: BookCounts;
}

/** A row that has not followed the outside world for so long will not do so by itself. */
const GRACE_MS = 60 * 60_000;
/** Read again before the newest entry: an entry may appear in the books later than its time says. */
const OVERLAP_MS = 5 * 60_000;

export function openBooks(sources: Sources, partitions: readonly number[]): Books {
  const { provider, carrier, onProgress } = sources;
  const money = new Map<string, BookedMoney>();
  const parcels = new Map<string, BookedParcel['status']>();
  const counted = { charges: 0, refunds: 0, parcels: 0, foreign: 0 };
  const intern = interning<BookedMoney>((booked) => JSON.stringify(booked));
  const entryIds = overlapping();
  const changes = overlapping();
  const moneyMoved = recently();
  const parcelMoved = recently();
  const isOurs = (key: string): boolean => partitions.includes(partitionOf(key));

  return {
    orders: () => new Set([...money.keys(), ...parcels.keys()]),
    moneyOf: (id) => {
      const booked = money.get(id);
      return booked && { ...booked, isRecent: moneyMoved.has(id) };
    },
    parcelOf: (id) => {
      const status = parcels.get(id);
      return status && { status, isRecent: parcelMoved.has(id) };
    },
    readOn: async () => {
      await readPayments();
      await readParcels();
    },
    counted,
  };

  async function readPayments(): Promise<void> {
    const book = { of: 'the payment provider', list: (query: BookQuery) => provider.listEntries(query) };
    for await (const entries of readBook(sources, book, entryIds.since())) {
      for (const entry of entries) if (entryIds.isNew(entry.entryId, entry.bookedAt)) addPayment(entry);
      onProgress(`reads the payment provider's books: ${money.size} orders`);
    }
  }

  function addPayment(entry: PaymentEntry): void {
    const { idempotencyKey, kind, amount, bookedAt } = entry;
    const id = orderOfCharge(idempotencyKey);
    if (!isOurs(id ?? idempotencyKey)) return;
    if (id === undefined) {
      counted.foreign += 1;
      return;
    }
    counted[kind === 'CHARGE' ? 'charges' : 'refunds'] += 1;
    money.set(id, intern(withEntry(money.get(id), { kind, amount })));
    moneyMoved.note(id, bookedAt);
  }

  async function readParcels(): Promise<void> {
    const book = { of: 'the carrier', list: (query: BookQuery) => carrier.listParcels(query) };
    for await (const listed of readBook(sources, book, changes.since())) {
      for (const parcel of listed)
        if (changes.isNew(`${parcel.key} ${parcel.status}`, parcel.changedAt)) addParcel(parcel);
      onProgress(`reads the carrier's books: ${parcels.size} orders`);
    }
  }

  function addParcel({ key, status, changedAt }: ListedParcel): void {
    const id = orderOfBooking(key);
    if (!isOurs(id ?? key)) return;
    if (id === undefined) {
      counted.foreign += 1;
      return;
    }
    if (!parcels.has(id)) counted.parcels += 1;
    parcels.set(id, status);
    parcelMoved.note(id, changedAt);
  }
}

function withEntry(
  before: BookedMoney | undefined,
  { kind, amount: { amountMinor, currency } }: Pick<PaymentEntry, 'kind' | 'amount'>,
): BookedMoney {
  const { charges, refunds, charged, refunded } = before ?? NOTHING_BOOKED;
  const currencies = new Set([...(before?.currency.split(', ') ?? []), currency]);
  return {
    charges: charges + (kind === 'CHARGE' ? 1 : 0),
    refunds: refunds + (kind === 'REFUND' ? 1 : 0),
    charged: charged + (kind === 'CHARGE' ? amountMinor : 0),
    refunded: refunded + (kind === 'REFUND' ? amountMinor : 0),
    currency: [...currencies].join(', '),
  };
}

export const NOTHING_BOOKED: BookedMoney = {
  charges: 0,
  refunds: 0,
  charged: 0,
  refunded: 0,
  currency: '',
};

/** Tells new entries from those that are listed again, and since when to list again. */
function overlapping(): { since(): Date | undefined; isNew(id: string, at: Date): boolean } {
  const seen = new Map<string, number>();
  let newest = 0;
  /** Older entries are forgotten, so they must not be listed again. */
  let since: number | undefined;
  return {
    since: () => (since === undefined ? undefined : new Date(since)),
    isNew: (id, at) => {
      if (seen.has(id)) return false;
      seen.set(id, at.getTime());
      newest = Math.max(newest, at.getTime());
      // The outside clock may be ahead of ours: entries that are still to come can be older than the newest one.
      since = Math.max(since ?? 0, Math.min(newest, Date.now()) - OVERLAP_MS);
      // Entries come in the order of time, so the first ones are the oldest.
      for (const [each, time] of seen) {
        if (time >= since) break;
        seen.delete(each);
      }
      return true;
    },
  };
}

/** Orders of which something was booked within the grace; of older entries nothing is remembered. */
function recently(): { note(id: string, at: Date): void; has(id: string): boolean } {
  const times = new Map<string, number>();
  const isRecent = (time: number): boolean => time > Date.now() - GRACE_MS;
  return {
    note: (id, at) => {
      if (isRecent(at.getTime())) times.set(id, Math.max(times.get(id) ?? 0, at.getTime()));
    },
    has: (id) => isRecent(times.get(id) ?? 0),
  };
}
