import { z } from 'zod';
import { skuSchema } from '../../domain/ids.ts';
import { currencySchema, minorSumSchema } from '../../domain/money.ts';
import { orderStatuses } from '../../domain/order.ts';
import { changeOf, changing, figures, previousOf } from './sales-table.ts';

const count = z.int().nonnegative();
const rate = z.number().min(0).max(1).nullable();

const figureSchemas = {
  orders: count,
  completed: count.describe('Completed and not undone'),
  cancelled: count,
  refunded: count.describe('Paid back after they were completed'),
  quantity: count.describe('Pieces in completed orders'),
  revenue: minorSumSchema.describe('Of completed orders, in minor units of `currency`'),
  amount: minorSumSchema.describe('Of all orders, whatever became of them, in minor units'),
  averageOrderValue: minorSumSchema.nullable().describe('Revenue ÷ completed, rounded to whole minor units'),
  cancellationRate: rate.describe('Cancelled ÷ orders'),
  refundRate: rate.describe('Refunded ÷ (completed + refunded)'),
} as const satisfies Record<(typeof figures)[number], z.ZodType>;

const previous = Object.fromEntries(
  figures.map((name) => [previousOf(name), figureSchemas[name].optional()]),
);
const changes = Object.fromEntries(
  changing.map((name) => [changeOf(name), z.number().nullable().optional().describe('In per cent')]),
);

/** One shape for all questions: the columns that a question has are the same in all rows of its answer. */
export const salesItemSchema = z
  .object({
    day: z.iso.date().optional().describe('By day'),
    week: z.iso.date().optional().describe('By week: its Monday'),
    month: z.iso.date().optional().describe('By month: its first day'),
    sku: skuSchema.optional().describe('By product'),
    status: z.enum(orderStatuses).optional().describe('By status'),
    currency: currencySchema,
    ...figureSchemas,
    ...previous,
    ...changes,
  })
  .meta({ id: 'Sales' });
