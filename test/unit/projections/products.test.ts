import assert from 'node:assert/strict';
import { toEvent } from '../../../domain/events.ts';
import { newId } from '../../../platform/clock.ts';
import { applyProductEvent, type ProductEvent, type ProductView } from '../../../projections/products.ts';
import { provenance } from '../../support/builders.ts';

const at = (aggregateVersion: number): Parameters<typeof toEvent>[1] => ({
  id: newId(),
  aggregateId: 'TEA',
  aggregateVersion,
  occurredAt: new Date(),
});
const listed = (version: number, priceMinor: number): ProductEvent =>
  toEvent(
    { type: 'ProductListed', data: { name: 'Tea', priceMinor, currency: 'EUR' } },
    at(version),
    provenance,
  );
const stock = (version: number, available: number): ProductEvent =>
  toEvent(
    { type: 'StockChanged', data: { onHand: 10, reserved: 10 - available, available } },
    at(version),
    provenance,
  );
const fold = (events: readonly ProductEvent[]): ProductView | undefined =>
  events.reduce<ProductView | undefined>(applyProductEvent, undefined);

describe('products', () => {
  const events = [stock(1, 10), listed(1, 500), stock(2, 7), listed(2, 550)];

  it('listing and stock come together, whichever is first', () => {
    const expected: ProductView = {
      sku: 'TEA',
      name: 'Tea',
      priceMinor: 550,
      currency: 'EUR',
      available: 7,
      productVersion: 2,
      stockVersion: 2,
    };
    assert.deepEqual(fold(events), expected);
    assert.deepEqual(fold([events[1]!, events[3]!, events[0]!, events[2]!]), expected);
  });

  it('events that are in already change nothing', () => {
    const view = fold(events);
    for (const event of events) assert.equal(applyProductEvent(view, event), view);
  });
});
