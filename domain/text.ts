import { z } from 'zod';
import { hiddenCharacterIn } from './characters.ts';

/** One character that is no control character, in a way that every dialect of regular expressions reads. */
export const PRINTABLE = '[^\\u0000-\\u001f\\u007f-\\u009f]';

/**
 * The same without what is invisible or reorders text, as far as a regular expression of every dialect can say it. What
 * depends on its neighbours (joiners, variation selectors) or on the version of Unicode, and what lies above U+FFFF (tags,
 * private use) is refused beyond it.
 */
const VISIBLE =
  '[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b\\u200e\\u200f' +
  '\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufeff\\uffa0\\ufff0-\\ufffc\\ufffe\\uffff]';

/**
 * What names a thing that is stored already, such as the cause of a parked event: it may be as odd as what it names. Takes
 * everything that PostgreSQL keeps in one line.
 */
export const storedText = (maximum: number): z.ZodString =>
  z
    .string()
    .regex(/\S/, 'must not be empty')
    .regex(new RegExp(`^${PRINTABLE}*$`, 'u'), 'must be one line without control characters')
    .refine((given) => !/\p{Cs}/u.test(given), 'must be one line without control characters')
    .refine((given) => Array.from(given).length <= maximum, `must have at most ${maximum} characters`)
    .trim()
    .meta({ maxLength: maximum });

/** Refuses the first hidden character of a text, with its name and place. */
export const visibleOnly = (given: string, context: z.RefinementCtx): void => {
  const fault = hiddenCharacterIn(given);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
};

/**
 * The one rule for what people write: a line of visible characters. Refuses what hides, reorders or forges what a reader
 * sees, because a reason is read by others, in terminals, logs and web pages. Characters are code points, as in JSON
 * Schema, and what is asked of the text is asked before blanks around it are cut off.
 */
export const text = (maximum: number): z.ZodString =>
  z
    .string()
    // Spaces, and a Braille pattern without dots.
    .refine((given) => /[^\s\u2800]/u.test(given), 'must not be empty')
    .superRefine(visibleOnly)
    .refine((given) => Array.from(given).length <= maximum, `must have at most ${maximum} characters`)
    .trim()
    .meta({ allOf: [{ pattern: '\\S' }, { pattern: `^${VISIBLE}*$` }], maxLength: maximum });

/** The same for what does not come through a contract: options of commands, updates of a Temporal client. */
export const textFault = (given: string, maximum: number): string | undefined =>
  text(maximum).safeParse(given).error?.issues[0]?.message;
