import type { DomainEvent } from '../domain/events.ts';
import { projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';
import { SEARCH_DOCUMENT, searchWords } from './search-words.ts';

/** A product as the read side shows it: its listing and its stock come from two aggregates, in any order. */
export interface ProductView {
  readonly sku: string;
  readonly name: string | null;
  /** In minor units. */
  readonly priceMinor: number | null;
  readonly currency: string | null;
  /** Pieces on the shelf. Null, as the two below, until they are counted. */
  readonly onHand: number | null;
  /** Of those, what orders have taken that are not shipped yet. */
  readonly reserved: number | null;
  /** Pieces that the next order can still take. */
  readonly available: number | null;
  /** What orders with this product are found by: SKU and name. */
  readonly words: string;
  /** Versions of the last listing and stock events in it; 0 for none yet. */
  readonly productVersion: number;
  readonly stockVersion: number;
}

type ProductEvent = DomainEvent<'ProductListed' | 'StockChanged'>;

export const productTable: Table<ProductView> = {
  name: 'products',
  columns: {
    sku: 'text',
    name: 'text?',
    priceMinor: 'bigint?',
    currency: 'text?',
    onHand: 'integer?',
    reserved: 'integer?',
    available: 'integer?',
    words: 'text',
    productVersion: 'integer',
    stockVersion: 'integer',
  },
  key: ['sku'],
  computed: { document: SEARCH_DOCUMENT },
  // The products of a word, in GET /orders/search.
  indexes: { products_by_word: 'using gin (document)' },
};

/** Each event carries the whole state, so only the newest version counts. */
function evolve(before: ProductView | undefined, event: ProductEvent): ProductView {
  const view = before ?? unknownProduct(event.aggregateId);
  switch (event.type) {
    case 'ProductListed':
      return {
        ...view,
        ...event.data,
        words: searchWords(view.sku, event.data.name),
        productVersion: event.aggregateVersion,
      };
    case 'StockChanged':
      return { ...view, ...event.data, stockVersion: event.aggregateVersion };
  }
}

const unknownProduct = (sku: string): ProductView => ({
  sku,
  name: null,
  priceMinor: null,
  currency: null,
  onHand: null,
  reserved: null,
  available: null,
  words: searchWords(sku),
  productVersion: 0,
  stockVersion: 0,
});

/** Products with their prices, and the stock of each. */
export const products = projection<ProductView, ProductEvent>({
  name: 'products',
  version: 1,
  aggregates: ['product', 'stock'],
  state: productTable,
  versionIn: (view, { aggregateType }) =>
    aggregateType === 'stock' ? view.stockVersion : view.productVersion,
  evolve,
});
