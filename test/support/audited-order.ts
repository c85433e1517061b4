import type { BookedMoney, BookedParcel, Dated } from '../../activities/audit/books.ts';
import type { OrderFacts, OrderRow } from '../../activities/audit/order-facts.ts';
import type { Streamed } from '../../activities/audit/streamed.ts';

/** The row of an order that is paid for and not shipped. */
export const paidRow: OrderRow = {
  id: '019aa000-0000-7000-8000-000000000000',
  version: 4,
  status: 'COMPLETED',
  inventory: 'RESERVED',
  payment: 'CHARGED',
  shipment: 'NONE',
  approval: 'NONE',
  customerId: 'customer-1',
  currency: 'EUR',
  totalMinor: 100,
  linesMinor: 100,
  lines: [],
  placedAt: new Date('2026-03-01T10:00:00Z'),
  updatedAt: new Date('2026-03-01T10:00:01Z'),
  undoBegan: false,
  cancelReason: null,
  stuckCause: null,
};

export type Row = Partial<OrderRow>;

/** An order of which the stream has all events. @param changed how its row differs; null when there is none */
export function factsOf(changed: Row | null, known: Partial<OrderFacts> = {}): OrderFacts {
  const row = changed === null ? undefined : { ...paidRow, ...changed };
  return {
    ...{ isHeld: false, hasMoved: false, mayBeDropped: { first: false, last: false } },
    ...{ version: row?.version ?? 0, row },
    ...(row && { stream: streamed(row) }),
    ...known,
  };
}

export const streamed = (row: OrderRow, more: Partial<Streamed> = {}): Streamed => ({
  ...{ lowest: 1, highest: row.version, missing: [], order: row },
  ...more,
});

/** What the provider says: `booked([100], [100])` was charged and given back a moment ago. */
export const booked = (
  charges: readonly number[],
  refunds: readonly number[] = [],
  { isRecent = true, currency = 'EUR' } = {},
): Dated<BookedMoney> => ({
  charges: charges.length,
  refunds: refunds.length,
  charged: charges.reduce((sum, amount) => sum + amount, 0),
  refunded: refunds.reduce((sum, amount) => sum + amount, 0),
  ...{ currency, isRecent },
});

/** What the carrier says, since a moment ago. */
export const parcelAt = (status: BookedParcel['status'], isRecent = true): Dated<BookedParcel> => ({
  status,
  isRecent,
});
