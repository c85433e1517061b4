import { z } from 'zod';
import { cancellationOf } from '../../domain/cancellation.ts';
import { orderIdSchema, skuSchema } from '../../domain/ids.ts';
import { currencySchema, minorUnitsSchema } from '../../domain/money.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';
import { incompletenessOf, missingEventCountSchema, missingEventsSchema } from './order-view.ts';

export const cancellationViewSchema = z
  .object({
    orderId: orderIdSchema,
    possible: z.boolean(),
    instead: z.string().optional().describe('What to do where it is not possible'),
    missingEvents: missingEventsSchema,
    missingEventCount: missingEventCountSchema,
    wouldUndo: z.object({
      stock: z
        .array(z.object({ sku: skuSchema, quantity: z.int().positive() }))
        .describe('Goods that go back to the shelf'),
      amount: minorUnitsSchema.describe('Money that goes back, in minor units of `currency`'),
      currency: currencySchema,
      shipment: z.boolean().describe('Whether a booked parcel is taken back'),
    }),
  })
  .meta({ id: 'Cancellation' });
type CancellationView = z.output<typeof cancellationViewSchema>;

/** What cancelling an order would undo, as `GET /orders/:id/cancellation` shows it: minor units of `currency`. */
export function toCancellationView(order: OrderSummary): CancellationView {
  const { wouldUndo, ...cancellation } = cancellationOf(order);
  const { amountMinor, stock, shipment } = wouldUndo;
  return {
    orderId: order.orderId,
    ...cancellation,
    ...incompletenessOf(order),
    wouldUndo: { stock: [...stock], amount: amountMinor, currency: order.currency, shipment },
  };
}
