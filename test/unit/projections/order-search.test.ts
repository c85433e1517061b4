import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderEvent } from '../../../domain/events.ts';
import { newId } from '../../../platform/clock.ts';
import { orderSearch } from '../../../projections/order-search.ts';
import { searchTerms } from '../../../projections/queries/order-search.ts';
import { searchWords } from '../../../projections/search-words.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { given, tablesAfter } from '../../support/projections.ts';

const wordsAfter = (...pages: readonly (readonly OrderEvent[])[]): string =>
  String(tablesAfter(orderSearch, ...pages)['order_search']?.[0]?.['words']);

describe('what orders are found by', () => {
  it('status, reason and detail, and no more a status that it had', () => {
    const words = wordsAfter(orderHistory(stories.outOfStock));
    assert.match(words, / customer 1 cancelled out of stock .* not enough in stock 6 filter$/);
    assert.doesNotMatch(words, /pending/);
  });

  it('the parcel, and the products by SKU', () => {
    const [...events] = orderHistory(stories.delivered);
    assert.match(wordsAfter(events), / delivered carrier t1 coffee 1kg filter$/);
    given(orderSearch)
      .when(events)
      .then({ order_search: [{ status: 'DELIVERED', skus: ['COFFEE-1KG', 'FILTER'], version: 7 }] });
  });

  it('what it is stuck for, as long as it is', () => {
    const orderId = newId();
    const { stuck, settled } = stuckStory(orderId);
    const events = orderHistory([...stuck, ...settled], { orderId });
    assert.match(wordsAfter(events.slice(0, 4)), /refundpayment payment unavailable/);
    assert.doesNotMatch(wordsAfter(events.slice(0, 4), events.slice(4, 5)), /unavailable/);
    assert.doesNotMatch(wordsAfter(events), /unavailable/);
  });

  it('events that come again, also from any place, leave it as it is', () => {
    const events = orderHistory(stories.lost);
    for (const event of events) assert.equal(wordsAfter(events, [event]), wordsAfter(events));
  });
});

describe('what people look for', () => {
  it('is words, words that follow each other in quotes or in a code, and what an order must not have', () => {
    assert.deepEqual(searchTerms('Coffee OUT_OF_STOCK "green  tea" -cancelled -"by hand"'), [
      { words: 'coffee', isExcluded: false },
      { words: 'out of stock', isExcluded: false },
      { words: 'green tea', isExcluded: false },
      { words: 'cancelled', isExcluded: true },
      { words: 'by hand', isExcluded: true },
    ]);
  });

  it('has no word in blanks, wildcards, operators, zero bytes and quotes that do not end', () => {
    for (const text of ['', '  ', '%', '*', '&|!:()', '\0', '"', '""', '-', "'';--"])
      assert.deepEqual(searchTerms(text), [], text);
    assert.deepEqual(searchTerms('"tea'), [{ words: 'tea', isExcluded: false }]);
  });

  it('is letters, marks and digits of any script alone, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const { words } of searchTerms(text))
          assert.match(words, /^[\p{L}\p{M}\p{N}]+( [\p{L}\p{M}\p{N}]+)*$/u);
        assert.equal(searchWords(searchWords(text)), searchWords(text));
      }),
    );
    assert.equal(searchWords('Crème BRÛLÉE, ½ l – 抹茶'), 'crème brûlée 1 2 l 抹茶');
  });
});
