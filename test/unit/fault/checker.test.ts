import assert from 'node:assert/strict';
import type { EventFact, Facts, OrderFact } from '../../fault/checker/facts.ts';
import { invariants } from '../../fault/checker/invariants.ts';
import { plantedInSagas } from '../../fault/checker/planted-in-sagas.ts';

const TOTAL = 1_000;

const order = (id: string, status: string, change: Partial<OrderFact> = {}): OrderFact => ({
  ...{ id, status, total: TOTAL, inventory: 'RELEASED', payment: 'NONE', shipment: 'NONE' },
  ...{ reason: null, firstReason: null, firstDetail: null },
  ...change,
});

const ending = (aggregateId: string, type: string, reason: string, detail: string): EventFact => ({
  ...{ id: `${aggregateId}-${type}`, type, aggregateType: 'order', aggregateId, aggregateVersion: 2 },
  occurredAt: '2026-01-01T00:00:00.000Z',
  data: { reason, detail },
});

const request = (paymentMethod: string) => ({ lines: [{ sku: 'TEA', quantity: 1 }], paymentMethod });

/** One order of each end, as a system without faults leaves them; what other invariants are about is left out. */
const sound: Facts = {
  orders: [
    order('delivered', 'DELIVERED', { payment: 'CHARGED' }),
    order('cancelled', 'CANCELLED', {
      ...{ reason: 'CANCEL_REQUESTED', firstReason: 'CANCEL_REQUESTED', firstDetail: 'my words' },
    }),
    order('refunded', 'REFUNDED', { payment: 'REFUNDED', reason: 'BOOKING_REFUSED' }),
    order('declined', 'CANCELLED', { reason: 'PAYMENT_DECLINED' }),
  ],
  ledger: [
    { key: 'order-delivered', kind: 'CHARGE', amount: TOTAL },
    { key: 'order-refunded', kind: 'CHARGE', amount: TOTAL },
    { key: 'order-refunded', kind: 'REFUND', amount: TOTAL },
  ],
  payments: [
    { key: 'order-delivered', state: 'CHARGED' },
    { key: 'order-refunded', state: 'REFUNDED' },
    { key: 'order-declined', state: 'DECLINED' },
  ],
  bookings: [
    { key: 'shipment-delivered', state: 'DELIVERED' },
    { key: 'shipment-refunded', state: 'REFUSED' },
  ],
  reservations: [
    { orderId: 'delivered', state: 'SHIPPED', lines: [] },
    ...['cancelled', 'refunded', 'declined'].map((orderId) => ({ orderId, state: 'RELEASED', lines: [] })),
  ],
  outbox: [
    ending('cancelled', 'OrderCancelled', 'CANCEL_REQUESTED', 'my words'),
    ending('refunded', 'OrderRefunded', 'BOOKING_REFUSED', 'the carrier does not take the parcel'),
    ending('declined', 'OrderCancelled', 'PAYMENT_DECLINED', 'the card was declined'),
  ],
  told: new Map([
    ['delivered', { request: request('pm_card_visa') }],
    ['cancelled', { request: request('pm_card_visa'), words: 'my words', cancellation: 'ACCEPTED' }],
    ['refunded', { request: request('pm_card_visa') }],
    ['declined', { request: request('pm_card_declined') }],
  ]),
  running: new Set(),
  texts: [{ place: 'answer', text: 'the parcel has left; see GET /orders/1' }],
  initialStock: new Map([['TEA', 100_000]]),
  ...{ stock: [], keys: [], stream: [], timelines: new Map(), accepted: new Map() },
  read: {
    ...{ orders: [], sales: [], products: [], stuckSagas: [], customers: [], operations: [] },
    orderSearch: [],
  },
};

const checkOf = (number: string): ((facts: Facts) => string[]) => {
  const check = Object.entries(invariants).find(([name]) => name.startsWith(`${number} `))?.[1];
  assert.ok(check);
  return check;
};

describe('the checker of what faults leave behind', () => {
  for (const number of ['I9', 'I10', 'I11', 'I12', 'I13'])
    it(`${number} finds nothing in a sound system`, () => {
      assert.deepEqual(checkOf(number)(sound), []);
    });

  for (const { what, invariant, plant } of plantedInSagas)
    it(`${invariant} finds ${what}`, () => {
      assert.notDeepEqual(checkOf(invariant)(plant(sound)), []);
    });
});
