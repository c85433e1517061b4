import assert from 'node:assert/strict';
import { toEvent, type DomainEvent } from '../../../domain/events.ts';
import { newId } from '../../../platform/clock.ts';
import { products, type ProductView } from '../../../projections/products.ts';
import { provenance } from '../../support/builders.ts';
import { tablesAfter } from '../../support/projections.ts';

const at = (aggregateVersion: number): Parameters<typeof toEvent>[1] => ({
  id: newId(),
  aggregateId: 'TEA',
  aggregateVersion,
  occurredAt: new Date(),
});
const listed = (version: number, priceMinor: number): DomainEvent =>
  toEvent(
    { type: 'ProductListed', data: { name: 'Tea', priceMinor, currency: 'EUR' } },
    at(version),
    provenance,
  );
const stock = (version: number, available: number): DomainEvent =>
  toEvent(
    { type: 'StockChanged', data: { onHand: 10, reserved: 10 - available, available } },
    at(version),
    provenance,
  );
const fold = (...pages: readonly (readonly DomainEvent[])[]): unknown[] | undefined =>
  tablesAfter(products, ...pages)['products'];

describe('products', () => {
  const events = [stock(1, 10), listed(1, 500), stock(2, 7), listed(2, 550)];

  it('listing and stock come together, whichever is first', () => {
    const expected: ProductView = {
      sku: 'TEA',
      name: 'Tea',
      priceMinor: 550,
      currency: 'EUR',
      onHand: 10,
      reserved: 3,
      available: 7,
      words: 'tea tea',
      productVersion: 2,
      stockVersion: 2,
    };
    assert.deepEqual(fold(events), [expected]);
    assert.deepEqual(fold([events[1]!, events[3]!, events[0]!, events[2]!]), [expected]);
  });

  it('events that are in already change nothing', () => {
    for (const event of events) assert.deepEqual(fold(events, [event]), fold(events));
  });
});
