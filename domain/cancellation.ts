import { failureDetail } from './failure-texts.ts';
import type { Order } from './order.ts';

/** What cancelling an order would mean at this moment. */
export interface Cancellation {
  readonly possible: boolean;
  /** What to do where it is not. */
  readonly instead?: string;
  readonly wouldUndo: {
    /** Goods that go back to the shelf. */
    readonly stock: readonly { readonly sku: string; readonly quantity: number }[];
    /** Money that goes back, in minor units. */
    readonly amountMinor: number;
    /** Whether a booked parcel is taken back. */
    readonly shipment: boolean;
  };
}

type Known = Pick<Order, 'status' | 'inventory' | 'payment' | 'shipment' | 'lines' | 'totalMinor'>;

const nothing = { stock: [], amountMinor: 0, shipment: false };

/** The latest facts decide: what this says may be too late when the cancellation arrives. */
export function cancellationOf(order: Known): Cancellation {
  const instead = insteadOfCancelling(order);
  if (instead !== undefined) return { possible: false, instead, wouldUndo: nothing };
  return {
    possible: true,
    wouldUndo: {
      stock:
        order.inventory === 'RESERVED' ? order.lines.map(({ sku, quantity }) => ({ sku, quantity })) : [],
      amountMinor: order.payment === 'CHARGED' ? order.totalMinor : 0,
      shipment: order.shipment === 'BOOKED',
    },
  };
}

/** What to do with an order that cannot be cancelled; undefined for one that can. */
export function insteadOfCancelling({ status }: Pick<Order, 'status'>): string | undefined {
  switch (status) {
    case 'SHIPPED':
      return failureDetail('TOO_LATE_TO_CANCEL');
    case 'DELIVERED':
      return 'the parcel has arrived; take it back as a return';
    case 'CANCELLED':
    case 'REFUNDED':
      return `the order has ended ${status} already; nothing is left to cancel`;
    case 'PENDING':
    case 'RESERVED':
    case 'PAID':
    case 'COMPLETED':
      return undefined;
  }
}
