/**
 * Whether an argument has all these fields as texts that are not empty. Temporal passes on what any client sends, and a
 * handler that trips over it would fail the workflow task for ever.
 */
export const isTexts = (value: unknown, fields: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  fields.every((field) => {
    const text = (value as Record<string, unknown>)[field];
    return typeof text === 'string' && text.trim() !== '';
  });
