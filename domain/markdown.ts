import { visible } from './characters.ts';

/**
 * Markdown for Temporal's Web UI, which renders raw HTML, too. Made by `md` alone, so that what people typed, which arrives
 * as a string, cannot get in without being escaped.
 */
export class Markdown {
  // Private, so that no object literal passes for one.
  readonly #source: string;
  private constructor(source: string) {
    this.#source = source;
  }
  static of(source: string): Markdown {
    return new Markdown(source);
  }
  /** For Temporal, which takes strings. */
  toString(): string {
    return this.#source;
  }
}

/** A template whose texts are Markdown as they stand, and whose values are escaped unless they are Markdown themselves. */
export const md = (
  texts: TemplateStringsArray,
  ...values: readonly (string | number | Markdown)[]
): Markdown =>
  Markdown.of(
    texts
      .map((text, index) => {
        const value = values[index] ?? '';
        return text + (value instanceof Markdown ? value.toString() : escaped(String(value)));
      })
      .join(''),
  );

/** A heading or paragraph above a list: without a blank line between them the Web UI runs both together. */
export const withList = (above: Markdown, items: readonly Markdown[]): Markdown =>
  items.length === 0 ? above : Markdown.of(`${above.toString()}\n\n${listOf(items).toString()}`);

export const listOf = (items: readonly Markdown[]): Markdown =>
  Markdown.of(items.map((item) => `- ${item.toString()}`).join('\n'));

/** A list item with items below it. */
export const withItems = (item: Markdown, below: readonly Markdown[]): Markdown =>
  Markdown.of([item.toString(), ...below.map((each) => `  - ${each.toString()}`)].join('\n'));

/** A link to another page of the Web UI. @param path begins with a slash; encoded part by part */
export const linkTo = (text: string, path: readonly string[]): Markdown =>
  Markdown.of(`[${escaped(text)}](/${path.map(encoded).join('/')})`);

/** Also what `encodeURIComponent` leaves, where it ends a Markdown link. */
const encoded = (part: string): string =>
  encodeURIComponent(visible(part)).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const LONGEST = 1_000;

/**
 * What has no meaning in any Markdown: letters and digits, a space after something else, `,`, `;`, `?` and `%`, and `-`, `_`
 * and `'` inside a word, `.` inside a number or at the end of a clause, `:` after a word. Everything else of ASCII becomes a
 * numeric character reference, which a parser takes for text; named ones are not known to all.
 */
const HARMLESS = [
  '[A-Za-z0-9,;?%]',
  '(?<=[A-Za-z0-9])[-_](?=[A-Za-z0-9])',
  "(?<=[A-Za-z])'(?=[A-Za-z])",
  '(?<=[0-9])\\.(?=[0-9])',
  '(?<=[A-Za-z])[.:](?= )',
  '(?<=[^ ]) (?=[^ ])',
].join('|');
const MEANS_SOMETHING = new RegExp(`(?!${HARMLESS})[\\u0020-\\u007e]`, 'gu');
const NO_BREAK_SPACE = 0xa0;

/** Letters of scripts that run from right to left, which reorder what stands beside them. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

function escaped(given: string): string {
  const characters = Array.from(given);
  const text = characters.length > LONGEST ? `${characters.slice(0, LONGEST).join('')}…` : given;
  const shown = visible(text).replace(MEANS_SOMETHING, (character) => {
    // A second space would not be shown, and one at an end belongs to the Markdown beside it.
    return `&#${character === ' ' ? NO_BREAK_SPACE : character.charCodeAt(0)};`;
  });
  return RIGHT_TO_LEFT.test(shown) ? `&#8296;${shown}&#8297;` : shown;
}
