import { hiddenCharacterIn } from '../domain/characters.ts';

const LONGEST = 1_000;

/**
 * Whether an argument has all these fields as lines of visible text. Temporal passes on what any client sends: a handler
 * that trips over it would fail the workflow task for ever, and PostgreSQL would not keep a NUL.
 */
export const isTexts = (value: unknown, fields: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  fields.every((field) => {
    const text = (value as Record<string, unknown>)[field];
    return (
      typeof text === 'string' &&
      text.trim() !== '' &&
      text.length <= LONGEST &&
      hiddenCharacterIn(text) === undefined
    );
  });
