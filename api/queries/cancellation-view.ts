import { cancellationOf } from '../../domain/cancellation.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';
import { incompletenessOf } from './order-view.ts';

/** What cancelling an order would undo, as `GET /orders/:id/cancellation` shows it: minor units of `currency`. */
export function toCancellationView(order: OrderSummary): object {
  const { wouldUndo, ...cancellation } = cancellationOf(order);
  const { amountMinor, ...undone } = wouldUndo;
  return {
    orderId: order.orderId,
    ...cancellation,
    ...incompletenessOf(order),
    wouldUndo: { ...undone, amount: amountMinor, currency: order.currency },
  };
}
