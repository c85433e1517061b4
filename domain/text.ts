import { z } from 'zod';

/** One character that is no control character, in a way that every dialect of regular expressions reads. */
export const PRINTABLE = '[^\\u0000-\\u001f\\u007f-\\u009f]';

const ONE_LINE = 'must be one line without control characters';

/**
 * What people write: kept in histories and in PostgreSQL, which takes neither NUL nor half a surrogate pair. Characters
 * are code points, as in JSON Schema, and what is asked of the text is asked before blanks around it are cut off.
 */
export const text = (maximum: number): z.ZodString =>
  z
    .string()
    .regex(/\S/, 'must not be empty')
    .regex(new RegExp(`^${PRINTABLE}*$`, 'u'), ONE_LINE)
    .refine((given) => !/\p{Cs}/u.test(given), ONE_LINE)
    .refine((given) => Array.from(given).length <= maximum, `must have at most ${maximum} characters`)
    .trim()
    .meta({ maxLength: maximum });
