import type { BookCounts } from '../../domain/audit.ts';
import { partitionOf } from '../../domain/topology.ts';
import type { BookQuery } from '../book-pages.ts';
import { orderOfCharge } from '../payments/activities.ts';
import type { PaymentEntry } from '../payments/payment-gateway.ts';
import { orderOfBooking } from '../shipping/activities.ts';
import type { ListedParcel } from '../shipping/carrier.ts';
import { readBook } from './book-reader.ts';
import { overlapping, recently } from './book-times.ts';
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

/** What a book says of one order, and whether that is new. */
export type Dated<What> = What & {
  /** It changed within the last hour: the order's row may still follow. */
  readonly isRecent: boolean;
};

export interface BookedParcel {
  readonly status: ListedParcel['status'];
}

interface Booked {
  readonly money?: BookedMoney;
  readonly parcel?: BookedParcel['status'];
}

/**
 * What the books of provider and carrier say of the orders of some partitions, by order id: read once from the
 * beginning, and from the newest entry on when they are read again. Some 150 bytes are remembered for each order.
 */
export interface Books {
  /** Orders of which either book holds anything. */
  orders(): Set<string>;
  moneyOf(orderId: string): Dated<BookedMoney> | undefined;
  parcelOf(orderId: string): Dated<BookedParcel> | undefined;
  /** Reads what has been added. @throws CannotLookError when a book cannot be had */
  readOn(): Promise<void>;
  readonly counted: BookCounts;
}

export function openBooks(sources: Sources, partitions: readonly number[]): Books {
  const { provider, carrier, onProgress } = sources;
  // One map for both books: its entries, with the orders' ids, are what takes memory.
  const booked = new Map<string, Booked>();
  const counted = { charges: 0, refunds: 0, parcels: 0, foreign: 0 };
  const intern = interning<Booked>((each) => JSON.stringify(each));
  const entryIds = overlapping();
  const changes = overlapping();
  const moneyMoved = recently();
  const parcelMoved = recently();
  const isOurs = (key: string): boolean => partitions.includes(partitionOf(key));

  return {
    orders: () => new Set(booked.keys()),
    moneyOf: (id) => {
      const money = booked.get(id)?.money;
      return money && { ...money, isRecent: moneyMoved.has(id) };
    },
    parcelOf: (id) => {
      const status = booked.get(id)?.parcel;
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
      onProgress(`reads the payment provider's books: ${booked.size} orders`);
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
    const before = booked.get(id);
    booked.set(id, intern({ ...before, money: withEntry(before?.money, { kind, amount }) }));
    moneyMoved.note(id, bookedAt);
  }

  async function readParcels(): Promise<void> {
    const book = { of: 'the carrier', list: (query: BookQuery) => carrier.listParcels(query) };
    for await (const listed of readBook(sources, book, changes.since())) {
      for (const parcel of listed)
        if (changes.isNew(`${parcel.key} ${parcel.status}`, parcel.changedAt)) addParcel(parcel);
      onProgress(`reads the carrier's books: ${booked.size} orders`);
    }
  }

  function addParcel({ key, status, changedAt }: ListedParcel): void {
    const id = orderOfBooking(key);
    if (!isOurs(id ?? key)) return;
    if (id === undefined) {
      counted.foreign += 1;
      return;
    }
    const before = booked.get(id);
    if (before?.parcel === undefined) counted.parcels += 1;
    booked.set(id, intern({ ...before, parcel: status }));
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
