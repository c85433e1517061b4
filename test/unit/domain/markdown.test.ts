import assert from 'node:assert/strict';
import fc from 'fast-check';
import { visible } from '../../../domain/characters.ts';
import { linkTo, listOf, md, withItems, withList } from '../../../domain/markdown.ts';

/** Made of what Markdown, HTML and Temporal's Web UI give a meaning to, and of anything. */
const typed = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '<br>',
        '<p hidden>',
        '- ',
        '* ',
        '1. ',
        '# ',
        '> ',
        '```',
        '~~~',
        '`',
        '**',
        '__',
        '_',
      ),
      fc.constantFrom(
        '[a](http://x.y)',
        '![a](b)',
        'http://x.y',
        'www.x.y',
        'a@b.c',
        '{runId}',
        '&lt;',
        '&#60;',
      ),
      fc.constantFrom(
        '\n',
        '\r\n',
        '\u2028',
        '  ',
        '    ',
        '\t',
        '|',
        ':',
        ': ',
        '$',
        '(c)',
        '1/2',
        '--',
        '...',
        '\\',
        '"',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

/** As every parser of Markdown and HTML reads numeric character references. */
const read = (source: string): string =>
  source
    .replace(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)))
    .replace(/[\u2068\u2069]/g, '')
    .replace(/\u00a0/g, ' ');
const plain = (given: string): string => visible(given).replace(/\u00a0/g, ' ');

describe('a value in Markdown', () => {
  it('is read as it was typed, with what cannot be seen shown by its name', () => {
    fc.assert(
      fc.property(typed, (given) => {
        assert.equal(read(md`${given}`.toString()), plain(given));
      }),
      { numRuns: 2_000 },
    );
  });

  it('has no character left to which Markdown or HTML gives a meaning, wherever it stands', () => {
    fc.assert(
      fc.property(typed, typed, (first, second) => {
        const source = md`${first} – ${second}`.toString();
        const [before = '', after = ''] = source.split(' – ');
        for (const part of source.split(' – ').length === 2 ? [before, after] : [source]) {
          const rest = part.replace(/&#\d+;/g, '·');
          assert.match(rest, /^[^\n\r<>&*`~[\]()!{}#+|\\$"/=@^]*$/u, part);
          assert.doesNotMatch(rest, /^( |-|_|:|\d+[.)])/u, part);
          assert.doesNotMatch(
            rest,
            / {2}| $|--|__|\.\.|(^|[^a-z0-9])[-_']|[-_'](?![a-z0-9])|www\.|\.[a-z]/iu,
            part,
          );
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('in an ordinary sentence stays readable where nothing renders it', () => {
    const reason = "the customer's card_2 was out-of-stock: 12.50 EUR, sorry. Really";
    assert.equal(md`${reason}`.toString(), reason);
  });

  it('of a script from right to left does not reorder what stands beside it', () => {
    assert.equal(md`a ${'שלום'} b`.toString(), 'a &#8296;שלום&#8297; b');
  });

  it('that is very long is cut', () => {
    assert.equal(md`${'x'.repeat(5_000)}`.toString(), `${'x'.repeat(1_000)}…`);
  });

  it('that is Markdown already is not escaped again', () => {
    assert.equal(md`**${md`a ${'<b>'}`}**`.toString(), '**a &#60;b&#62;**');
  });
});

describe('a list in Markdown', () => {
  it('stands below a blank line, each item on one line whatever is in it', () => {
    fc.assert(
      fc.property(typed, fc.array(typed, { minLength: 1, maxLength: 5 }), (heading, items) => {
        const lines = withList(
          md`${heading}`,
          items.map((item) => md`${item}`),
        )
          .toString()
          .split('\n');
        assert.equal(lines[1], '');
        assert.equal(lines.length, items.length + 2);
        for (const line of lines.slice(2)) assert.ok(line.startsWith('- '));
      }),
    );
  });

  it('without items is its heading alone', () => {
    assert.equal(withList(md`a`, []).toString(), 'a');
    assert.equal(listOf([withItems(md`a`, [md`b`])]).toString(), '- a\n  - b');
  });
});

describe('a link in Markdown', () => {
  it('ends where it should, whatever its text and path are made of', () => {
    fc.assert(
      fc.property(typed, typed, (text, part) => {
        assert.match(
          linkTo(text, ['namespaces', part]).toString(),
          /^\[[^\n[\]<>]*\]\(\/namespaces\/[\w%.~-]*\)$/u,
        );
      }),
    );
  });
});
