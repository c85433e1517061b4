import assert from 'node:assert/strict';
import fc from 'fast-check';
import { visible } from '../../../domain/characters.ts';
import { storedText, text } from '../../../domain/text.ts';

const schema = text(5);
const fits = (given: string): boolean => schema.safeParse(given).success;
const faultOf = (given: string): string | undefined =>
  text(200)
    .safeParse(given)
    .error?.issues.map(({ message }) => message)[0];

/** One of each kind that hides, reorders or forges what a reader sees. */
const hidden = [
  ...['\u0000', '\n', '\r', '\t', '\u001b', '\u007f', '\u0085', '\u009b'],
  ...['\u2028', '\u2029', '\ud800', '\udc00', '\uffff', '\u{1fffe}', '\ufff9'],
  ...['\u202a', '\u202e', '\u2066', '\u2069', '\u200e', '\u200f', '\u061c'],
  ...['\u00ad', '\u034f', '\u180e', '\u200b', '\u2060', '\u2064', '\u206a', '\ufeff'],
  ...['\u115f', '\u3164', '\uffa0', '\u{1d173}', '\u{e0041}', '\u{e007f}'],
  ...['\ufffc', '\ue000', '\uf8ff', '\u{f0000}', '\u{10fffd}', '\u0378', '\u{3fffd}', '\u180b', '\u180f'],
  ...['\u200c', '\u200d', '\ufe0e', '\ufe01', '\u{e0100}'],
];

/** The flag of a region: a black flag and its name in tags. */
const flag = (region: string): string =>
  `\u{1f3f4}${Array.from(region)
    .map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0)))
    .join('')}\u{e007f}`;

describe('what people write', () => {
  it('is measured in characters as people count them, blanks around it included', () => {
    assert.ok(fits('😀😀😀😀😀'));
    assert.ok(!fits('😀😀😀😀😀😀'));
    assert.ok(!fits('abc   '));
    assert.equal(schema.parse(' ab '), 'ab');
  });

  it('shows something', () => {
    for (const refused of ['', '   ', '\u00a0', '\u2800', '\u3000'])
      assert.equal(faultOf(refused), 'must not be empty');
  });

  for (const character of hidden) {
    const name = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
    it(`has no ${name}, and the refusal says where it is`, () => {
      assert.equal(
        faultOf(`för${character}x`),
        `must be one line of visible characters; leave out ${name}, its character 4`,
      );
    });
  }

  const taken = [
    ...['❤️', '👩🏽‍🚀', '❤️‍🔥', '1️⃣', '#\ufe0f\u20e3', '🏳️‍🌈', '👨‍👩‍👧', '🇪🇺', '©\ufe0f', '\u{1fabd}', '\u{1f8ff}'],
    ...['gbsct', 'gbeng', 'usca', 'de1'].map((region) => flag(region)),
    ...[
      'می‌خواهم',
      'خانه‌',
      'ه\u200d',
      'مَ\u200cن',
      'ـ\u200d',
      'क्‍ष',
      'क्\u200d',
      'র\u200d্য',
      'ക്\u200d',
      'ශ්\u200dරී',
    ],
    ...['ᠠ\u180b', 'ᠨ\u180c', 'ᠭ\u180dᠠ', '葛\u{e0100}', 'für 5 €', 'שלום', 'Ελλάδα', 'Cafe\u0301', '日本語'],
  ];
  for (const given of taken)
    it(`may use what a script or an emoji needs: ${JSON.stringify(given)}`, () => {
      assert.equal(faultOf(given), undefined);
      assert.equal(visible(given), given);
    });

  const refused = [
    ...[
      '1\ufe0f',
      '#\ufe0f',
      '12\ufe0e',
      '1\ufe0f\ufe0f\u20e3',
      'a\ufe0f',
      '❤\ufe0f\ufe0f',
      '😀\u200d',
      '😀\u200da',
    ],
    ...[flag(''), flag('gbsct').slice(0, -2), flag('toolong'), flag('gb ct'), 'x\u{e0067}\u{e0062}\u{e007f}'],
    ...[
      `😀${flag('gbsct').slice(2)}`,
      'a\u200cb',
      'م\u200c\u200cن',
      '۱\u200c',
      'ᠠ\u180e',
      'a\u180b',
      'ᠠ\u180b\u180b',
    ],
  ];
  for (const given of refused)
    it(`has nothing of it where it does nothing: ${JSON.stringify(given)}`, () => {
      assert.match(faultOf(given) ?? '', /leave out U\+/);
    });

  it('is looked through in no time, whatever it is made of', () => {
    for (const unit of ['\u{e0067}', '\u{1f3f4}\u{e0067}', '😀\u200d', 'م\u200c'])
      assert.equal(typeof visible(unit.repeat(20_000)), 'string');
  });

  it('that is stored already can be named as it is', () => {
    assert.equal(storedText(200).parse('Odd\u202eType.v1: data'), 'Odd\u202eType.v1: data');
    assert.ok(!storedText(200).safeParse('a\nb').success);
  });
});

describe('visible text', () => {
  it('shows by its name whatever free text refuses, and nothing else is changed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...hidden), (given, character) => {
        const shown = visible(given + character + given);
        assert.equal(visible(shown), shown);
        assert.ok(shown.trim() === '' || text(100_000).safeParse(shown).success, JSON.stringify(shown));
      }),
    );
    assert.equal(visible('a\u202eb\u001b[2J'), 'a⟨U+202E⟩b⟨U+001B⟩[2J');
    assert.equal(visible('für 5 € ❤️'), 'für 5 € ❤️');
  });

  it('keeps the line breaks of a text of several lines where it is told to', () => {
    assert.equal(visible('a\nb\u200b\r', '\n'), 'a\nb⟨U+200B⟩⟨U+000D⟩');
  });
});
