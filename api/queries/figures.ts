import { z } from 'zod';
import { skuSchema } from '../../domain/ids.ts';
import { currencySchema, minorUnitsSchema } from '../../domain/money.ts';

const count = z.int().nonnegative();
const figures = {
  currency: currencySchema,
  orders: count,
  completed: count,
  cancelled: count,
  refunded: count,
  revenue: minorUnitsSchema.describe('Of completed orders, in minor units of `currency`'),
};

export const salesOfDaySchema = z
  .object({ day: z.iso.date().describe('UTC'), ...figures })
  .meta({ id: 'SalesOfDay' });
export const salesOfSkuSchema = z
  .object({ sku: skuSchema, ...figures, quantitySold: count })
  .meta({ id: 'SalesOfSku' });

export const productSchema = z
  .object({
    sku: skuSchema,
    name: z.string(),
    price: minorUnitsSchema.describe('In minor units of `currency`'),
    currency: currencySchema,
    available: count.describe('What the next order can still take'),
  })
  .meta({ id: 'Product' });
