import { z } from 'zod';
import { searchTerms, type SearchTerm } from '../../projections/queries/order-search.ts';
import { orderListSchema } from '../queries/query-schemas.ts';

const MAX_LENGTH = 200;
/** Each is looked up by itself. */
const MAX_TERMS = 10;

const termsSchema = z
  .string({ error: 'is required: the words to look for, such as "coffee cancelled"' })
  .max(MAX_LENGTH, `must have at most ${MAX_LENGTH} characters`)
  .transform((text, context): SearchTerm[] => {
    const terms = searchTerms(text);
    if (terms.length > 0 && terms.length <= MAX_TERMS) return terms;
    context.addIssue({
      code: 'custom',
      message:
        terms.length === 0
          ? 'must have a word: letters or digits'
          : `must have at most ${MAX_TERMS} words; put those that follow each other in quotes`,
    });
    return z.NEVER;
  })
  .describe('Words to look for');

export const searchSchema = orderListSchema
  .pick({ customerId: true, limit: true, cursor: true })
  .extend({ q: termsSchema });
