import type { DomainEvent } from '../domain/events.ts';

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

export type ProductEvent = DomainEvent<'ProductListed' | 'StockChanged'>;

/** Folds an event into its product; each event carries the whole state, so only the newest version counts. */
export function applyProductEvent(before: ProductView | undefined, event: ProductEvent): ProductView {
  const view = before ?? unknownProduct(event.aggregateId);
  switch (event.type) {
    case 'ProductListed':
      if (event.aggregateVersion <= view.productVersion) return view;
      return { ...view, ...event.data, productVersion: event.aggregateVersion };
    case 'StockChanged':
      if (event.aggregateVersion <= view.stockVersion) return view;
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
