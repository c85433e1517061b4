import type { OrderEvent } from '../../../../domain/events.ts';
import { figures, projection } from '../../../../projections/kit/projection.ts';
import type { Table } from '../../../../projections/kit/table.ts';

/** The walk "write a projection" of docs/projections.md: how each payment method fares. */

// doc: tables
/** An order as far as its payment is concerned: what events are folded into. */
interface PaidOrder {
  readonly orderId: string;
  readonly version: number;
  readonly method: string;
  /** In minor units; 0 until it is charged. */
  readonly chargedMinor: number;
}

/** What the orders of one payment method add up to. */
interface MethodRow {
  readonly method: string;
  readonly orders: number;
  readonly charged: number;
  readonly chargedMinor: number;
}

const paidOrders: Table<PaidOrder> = {
  name: 'paid_orders',
  columns: { orderId: 'uuid', version: 'integer', method: 'text', chargedMinor: 'bigint' },
  key: ['orderId'],
};

const methodTable: Table<MethodRow> = {
  name: 'payment_methods',
  columns: { method: 'text', orders: 'bigint', charged: 'bigint', chargedMinor: 'bigint' },
  key: ['method'],
};
// end doc

// doc: projection
function evolve(before: PaidOrder | undefined, event: OrderEvent): PaidOrder | undefined {
  const version = event.aggregateVersion;
  if (event.type === 'OrderCreated')
    return { orderId: event.aggregateId, version, method: event.data.paymentMethod, chargedMinor: 0 };
  if (event.type === 'PaymentCharged' && before)
    return { ...before, version, chargedMinor: event.data.amountMinor };
  return before; // of no concern here, or of an order whose beginning is not known
}

export const paymentMethods = projection<PaidOrder, OrderEvent>({
  name: 'payment-methods',
  version: 1,
  aggregates: ['order'],
  state: paidOrders,
  versionIn: ({ version }) => version,
  evolve,
  figures: [
    figures({
      table: methodTable,
      of: ({ method, chargedMinor }: PaidOrder): MethodRow[] => [
        { method, orders: 1, charged: chargedMinor > 0 ? 1 : 0, chargedMinor },
      ],
    }),
  ],
});
// end doc
