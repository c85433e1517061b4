// No zod here: workflows import this file.

/** Scripts in which a joiner changes how the letters beside it are written, the last one of a word too. */
const JOINING = (
  'Arabic Syriac Mandaic Nko Adlam Mongolian Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam ' +
  'Sinhala Khmer Myanmar Tibetan Balinese Javanese Newa Hanifi_Rohingya'
)
  .split(' ')
  .map((script) => `\\p{Script_Extensions=${script}}`)
  .join('');

/** Spell the region of a flag, such as Scotland's, after a black flag and up to the end of tags. */
const TAG = '[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]';

/** What is invisible by itself where it does its work: in emoji, in joining scripts, after an ideograph. */
const AT_WORK = [
  '(?<=[0-9#*])[\\ufe0e\\ufe0f](?=\\u20e3)',
  '(?<=(?![0-9#*])\\p{Emoji})[\\ufe0e\\ufe0f]',
  '(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f])\\u200d(?=\\p{Extended_Pictographic})',
  // A region has at most six characters; without a bound, a long row of tags would take long to look through.
  `(?<=\\u{1f3f4}${TAG}{0,5})${TAG}(?=${TAG}{0,5}\\u{e007f})`,
  `(?<=\\u{1f3f4}${TAG}{1,6})\\u{e007f}`,
  // Emoji of a later version of Unicode, for which places are kept.
  '(?=\\p{Cn})\\p{Extended_Pictographic}',
  `(?<=(?=[\\p{L}\\p{M}])[${JOINING}])[\\u200c\\u200d]`,
  '(?<=(?=\\p{L})\\p{Script=Mongolian})[\\u180b-\\u180d\\u180f]',
  '(?<=\\p{Script=Han})[\\ufe00-\\ufe0d\\u{e0100}-\\u{e01ef}]',
].join('|');

/**
 * Control characters, halves of surrogate pairs, line and paragraph separators, everything that Unicode shows as nothing
 * (zero-width characters, bidirectional controls, fillers, tags), interlinear annotations, the place of an object, and
 * what is no character (yet): private use, unassigned code points and noncharacters.
 */
const SUSPECT =
  '[\\p{Cc}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffc]';

const HIDDEN = new RegExp(`(?!${AT_WORK})${SUSPECT}`, 'gu');

const nameOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/**
 * Replaces what hides, reorders or forges what a reader sees by its name, such as `⟨U+202E⟩`. For text that is shown where
 * people read it: terminals, logs of the development stack, Temporal's Web UI.
 * @param keep characters that stay as they are, such as the line breaks of a text of several lines
 */
export const visible = (text: string, keep = ''): string =>
  text.replace(HIDDEN, (character) => (keep.includes(character) ? character : `⟨${nameOf(character)}⟩`));

/** @returns what is wrong with one line of free text and how to mend it; undefined when it can be taken */
export function hiddenCharacterIn(text: string): string | undefined {
  const index = text.search(HIDDEN);
  if (index < 0) return undefined;
  const before = Array.from(text.slice(0, index)).length;
  const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
  return `must be one line of visible characters; leave out ${nameOf(character)}, its character ${before + 1}`;
}
