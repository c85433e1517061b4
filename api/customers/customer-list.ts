import { z } from 'zod';
import { customerIdSchema } from '../../domain/ids.ts';
import { currencySchema, minorSumSchema } from '../../domain/money.ts';
import { FieldProblem } from '../field-problem.ts';
import { cursorSchema, cursorTimeSchema, limitSchema } from '../queries/query-schemas.ts';

// Each order of the list has its own places where a page may end.
const lastOrderCursor = z
  .tuple([z.literal('lastOrder'), cursorTimeSchema, z.uuid()])
  .transform(([sort, placedAt, orderId]) => ({ sort, placedAt, orderId }));
const spentCursor = z
  .tuple([z.literal('spent'), currencySchema, minorSumSchema, customerIdSchema])
  .transform(([sort, currency, spent, customerId]) => ({ sort, currency, spent, customerId }));

export const customerListSchema = z.strictObject({
  sort: z.enum(['lastOrder', 'spent'], { error: 'must be lastOrder or spent' }).default('lastOrder'),
  currency: currencySchema.optional().describe('For `sort=spent`: the currency whose sums are compared'),
  limit: limitSchema,
  cursor: cursorSchema(z.union([lastOrderCursor, spentCursor])).optional(),
});
type CustomerList = z.output<typeof customerListSchema>;

/** What a list is sorted by, and where the page before ended. */
type CustomerPage =
  | { readonly sort: 'lastOrder'; readonly after: z.output<typeof lastOrderCursor> | undefined }
  | {
      readonly sort: 'spent';
      readonly currency: string;
      readonly after: z.output<typeof spentCursor> | undefined;
    };

/** @throws FieldProblem VALIDATION_FAILED for fields that do not go together */
export function customerPage({ sort, currency, cursor }: CustomerList): CustomerPage {
  if (sort === 'lastOrder') {
    if (currency !== undefined) throw problem('currency', 'goes with sort=spent alone; leave it out');
    if (cursor === undefined || cursor.sort === 'lastOrder') return { sort, after: cursor };
    throw problem('cursor', 'is of the list by sort=spent; send the parameters of the page before');
  }
  if (currency === undefined) throw problem('currency', 'is required by sort=spent, such as EUR');
  if (cursor === undefined || (cursor.sort === 'spent' && cursor.currency === currency))
    return { sort, currency, after: cursor };
  throw problem(
    'cursor',
    'is of a list in another order or currency; send the parameters of the page before',
  );
}

const problem = (field: string, message: string): FieldProblem =>
  new FieldProblem('VALIDATION_FAILED', [{ field, message }]);
