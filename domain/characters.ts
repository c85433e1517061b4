// No zod here: workflows import this file.

/** Scripts in which a joiner between two letters changes how they are written. */
const JOINING = [
  ...['Arabic', 'Syriac', 'Mandaic', 'Nko', 'Mongolian', 'Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati'],
  ...['Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala', 'Khmer', 'Myanmar', 'Tibetan'],
]
  .map((script) => `\\p{Script=${script}}`)
  .join('');

/** Joiners and variation selectors where they do their work: in emoji, in joining scripts, after an ideograph. */
const AT_WORK = [
  '(?<=\\p{Emoji})[\\ufe0e\\ufe0f]',
  '(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f])\\u200d(?=\\p{Extended_Pictographic})',
  `(?<=[${JOINING}])[\\u200c\\u200d](?=[${JOINING}])`,
  '(?<=\\p{Script=Han})[\\ufe00-\\ufe0d\\u{e0100}-\\u{e01ef}]',
].join('|');

/**
 * Control characters, halves of surrogate pairs, line and paragraph separators, everything that Unicode shows as nothing
 * (zero-width characters, bidirectional controls, fillers, tags), interlinear annotations and noncharacters.
 */
const SUSPECT =
  '[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffb\\p{Noncharacter_Code_Point}]';

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
