import { z } from 'zod';
import { skuSchema } from '../../domain/ids.ts';
import { currencySchema, minorUnitsSchema } from '../../domain/money.ts';

export const productSchema = z
  .object({
    sku: skuSchema,
    name: z.string(),
    price: minorUnitsSchema.describe('In minor units of `currency`'),
    currency: currencySchema,
    available: z.int().nonnegative().describe('What the next order can still take'),
  })
  .meta({ id: 'Product' });
