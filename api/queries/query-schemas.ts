import { z } from 'zod';
import { customerIdSchema } from '../../domain/ids.ts';
import { orderStatuses } from '../../domain/order.ts';
import type { OrderCursor } from '../../projections/queries/orders.ts';

const cursorContent = z.tuple([z.iso.datetime(), z.uuid()]);

/** Opaque to callers: where a page ended. */
export const encodeCursor = ({ placedAt, orderId }: OrderCursor): string =>
  Buffer.from(JSON.stringify([placedAt, orderId])).toString('base64url');

function decodeCursor(text: string): OrderCursor | undefined {
  try {
    const [placedAt, orderId] = cursorContent.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { placedAt, orderId };
  } catch {
    return undefined; // said by the schema below
  }
}

export const orderListSchema = z.strictObject({
  status: z.enum(orderStatuses, { error: `must be one of ${orderStatuses.join(', ')}` }).optional(),
  customerId: customerIdSchema.optional(),
  limit: z.coerce
    .number('must be a whole number from 1 to 200')
    .int('must be a whole number from 1 to 200')
    .min(1, 'must be at least 1')
    .max(200, 'must be at most 200')
    .default(50),
  cursor: z
    .string()
    .transform((text, context) => {
      const cursor = decodeCursor(text);
      if (cursor) return cursor;
      context.addIssue({ code: 'custom', message: 'is not a cursor; take nextCursor of the page before' });
      return z.NEVER;
    })
    .optional(),
});

const DAY_MS = 24 * 3_600_000;
const QUARTER_MS = 15 * 60_000;
const MOMENT =
  'must be a UTC date such as 2026-01-31, or a time on a quarter of an hour such as 2026-01-31T12:15:00Z';

/** `day` is how far a plain date reaches: 0 to its beginning, 1 to its end. */
const momentSchema = (day: 0 | 1): z.ZodType<Date> =>
  z.union([z.iso.date(), z.iso.datetime({ offset: true })], { error: MOMENT }).transform((text, context) => {
    const isDate = !text.includes('T');
    const time = Date.parse(text) + (isDate ? day * DAY_MS : 0);
    if (time % QUARTER_MS === 0) return new Date(time);
    context.addIssue({ code: 'custom', message: MOMENT });
    return z.NEVER;
  });

/** How `createSalesSchema` reads a query. */
export interface SalesQuery {
  readonly from: Date;
  readonly to: Date;
  readonly by: 'day' | 'sku';
}

/** A date in `to` is included. Without any dates: the last 30 days and today. */
export const createSalesSchema = (now: Date): z.ZodType<SalesQuery> => {
  const endOfToday = new Date(Math.floor(now.getTime() / DAY_MS + 1) * DAY_MS);
  return z
    .strictObject({
      from: momentSchema(0).optional(),
      to: momentSchema(1).default(endOfToday),
      by: z.enum(['day', 'sku'], { error: 'must be day or sku' }).default('day'),
    })
    .transform(({ from, ...rest }) => ({ ...rest, from: from ?? new Date(rest.to.getTime() - 31 * DAY_MS) }))
    .refine(({ from, to }) => from < to, { path: ['from'], error: 'must be before to' });
};
