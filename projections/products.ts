import type { DomainEvent } from '../domain/events.ts';
import { projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';

/** A product as the read side shows it: its listing and its stock come from two aggregates, in any order. */
export interface ProductView {
  readonly sku: string;
  readonly name: string | null;
  /** In minor units. */
  readonly priceMinor: number | null;
  readonly currency: string | null;
  /** Pieces that the next order can still take. */
  readonly available: number | null;
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
    available: 'integer?',
    productVersion: 'integer',
    stockVersion: 'integer',
  },
  key: ['sku'],
};

/** Each event carries the whole state, so only the newest version counts. */
function evolve(before: ProductView | undefined, event: ProductEvent): ProductView {
  const view = before ?? unknownProduct(event.aggregateId);
  switch (event.type) {
    case 'ProductListed':
      return { ...view, ...event.data, productVersion: event.aggregateVersion };
    case 'StockChanged':
      return { ...view, available: event.data.available, stockVersion: event.aggregateVersion };
  }
}

const unknownProduct = (sku: string): ProductView => ({
  sku,
  name: null,
  priceMinor: null,
  currency: null,
  available: null,
  productVersion: 0,
  stockVersion: 0,
});

/** Products with their prices and what is left of them. */
export const products = projection<ProductView, ProductEvent>({
  name: 'products',
  version: 1,
  aggregates: ['product', 'stock'],
  state: productTable,
  versionIn: (view, { aggregateType }) =>
    aggregateType === 'stock' ? view.stockVersion : view.productVersion,
  evolve,
});
