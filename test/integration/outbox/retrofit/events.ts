import { z } from 'zod';

// doc: events
export type OrderEventType =
  | 'LegacyOrderImported' // what an order was when its events began
  | 'OrderPlaced'
  | 'OrderPaid'
  | 'OrderCancelled'
  | 'OrderChanged' // from a trigger, which sees that an order changed and not why
  | 'OrderRemoved';

/** What every event carries: the order after it. */
export const orderSchema = z.object({
  customer: z.string(),
  item: z.string(),
  total_cents: z.number(),
  status: z.string(),
});
// end doc
