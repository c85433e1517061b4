/**
 * A text as the words that it is found by: letters and digits, in lower case, whatever stands between them. What is
 * looked for goes through the same, so that `OUT_OF_STOCK` is found by "out of stock", and no character of either has
 * a meaning to PostgreSQL.
 */
export const searchWords = (...texts: readonly (string | null)[]): string =>
  texts
    .filter((text) => text !== null)
    .join(' ')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim();

/**
 * A computed column over a column `words`: each word as it is written, so that codes, names and words of any language
 * are found, and by its English stem, so that "cancel" finds what was cancelled.
 */
export const SEARCH_DOCUMENT = `tsvector generated always as (to_tsvector('simple', words) || to_tsvector('english', words)) stored`;
