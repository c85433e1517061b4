import type { Facts, OrderFact } from './facts.ts';
import { first, type Planted } from './plant.ts';

const withStatus = ({ orders }: Facts, status: string): OrderFact =>
  first(orders, (order) => order.status === status);

const changeOrder = (facts: Facts, order: OrderFact, change: Partial<OrderFact>): Facts => ({
  ...facts,
  orders: facts.orders.map((other) => (other === order ? { ...other, ...change } : other)),
});

const changeBook = (facts: Facts, book: 'payments' | 'bookings', key: string, state: string): Facts => ({
  ...facts,
  [book]: [...facts[book].filter((entry) => entry.key !== key), { key, state }],
});

/** An order that its customer cancelled in time. */
const cancelled = (facts: Facts): OrderFact =>
  first(facts.orders, ({ reason }) => reason === 'CANCEL_REQUESTED');

const withText = (facts: Facts, place: string, text: string): Facts => ({
  ...facts,
  texts: [...facts.texts, { place, text }],
});

/** Bugs of sagas, of what they tell, and of what they leave with provider and carrier. */
export const plantedInSagas: readonly Planted[] = [
  {
    what: 'a parcel that has left and was refunded',
    invariant: 'I9',
    plant: (facts: Facts): Facts => {
      const order = first(
        facts.orders,
        ({ status, reason }) => status === 'REFUNDED' && reason !== 'PARCEL_LOST',
      );
      return changeBook(facts, 'bookings', `shipment-${order.id}`, 'DELIVERED');
    },
  },
  {
    what: 'a delivered parcel whose charge was given back',
    invariant: 'I9',
    plant: (facts) => changeBook(facts, 'payments', `order-${withStatus(facts, 'DELIVERED').id}`, 'REFUNDED'),
  },
  {
    what: 'a charge that a cancelled order keeps',
    invariant: 'I9',
    plant: (facts: Facts): Facts => {
      const { id, total } = withStatus(facts, 'CANCELLED');
      const key = `order-${id}`;
      const ledger = [
        ...facts.ledger.filter((entry) => entry.key !== key),
        { key, kind: 'CHARGE' as const, amount: total },
      ];
      return changeBook({ ...facts, ledger }, 'payments', key, 'CHARGED');
    },
  },
  {
    what: 'stock that was put back although its parcel has left',
    invariant: 'I9',
    plant: (facts: Facts): Facts => {
      const { id } = withStatus(facts, 'DELIVERED');
      return {
        ...facts,
        reservations: facts.reservations.map((row) =>
          row.orderId === id ? { ...row, state: 'RELEASED' } : row,
        ),
      };
    },
  },
  {
    what: 'a parcel of an unknown order',
    invariant: 'I9',
    plant: (facts) => changeBook(facts, 'bookings', 'shipment-another', 'BOOKED'),
  },
  {
    what: 'an order that was cancelled because the database was away',
    invariant: 'I10',
    plant: (facts) => changeOrder(facts, withStatus(facts, 'CANCELLED'), { reason: 'FAILED' }),
  },
  {
    what: 'a good card that was declined',
    invariant: 'I10',
    plant: (facts: Facts): Facts => {
      const order = first(
        facts.orders,
        ({ id }) => facts.told.get(id)?.request.paymentMethod === 'pm_card_visa',
      );
      return changeOrder(facts, order, { reason: 'PAYMENT_DECLINED' });
    },
  },
  {
    what: 'a fence that is shown instead of the reason',
    invariant: 'I11',
    plant: (facts) => changeOrder(facts, cancelled(facts), { reason: 'RESERVATION_FENCED' }),
  },
  {
    what: 'a second reason that won over the first',
    invariant: 'I11',
    plant: (facts) => changeOrder(facts, cancelled(facts), { firstReason: 'OUT_OF_STOCK' }),
  },
  {
    what: 'another customer’s words',
    invariant: 'I11',
    plant: (facts: Facts): Facts => {
      const { id } = cancelled(facts);
      const told = { ...first([...facts.told], ([key]) => key === id)[1], words: 'something else' };
      return { ...facts, told: new Map(facts.told).set(id, told) };
    },
  },
  {
    what: 'a cancellation that was accepted and not carried out',
    invariant: 'I11',
    plant: (facts: Facts): Facts => {
      const { id } = withStatus(facts, 'DELIVERED');
      const told = { ...first([...facts.told], ([key]) => key === id)[1], cancellation: 'ACCEPTED' as const };
      return { ...facts, told: new Map(facts.told).set(id, told) };
    },
  },
  {
    what: 'an order whose saga is gone',
    invariant: 'I12',
    plant: (facts) => changeOrder(facts, withStatus(facts, 'DELIVERED'), { status: 'SHIPPED' }),
  },
  {
    what: 'a saga that never ends',
    invariant: 'I12',
    plant: (facts) => ({ ...facts, running: new Set([`order-${withStatus(facts, 'CANCELLED').id}`]) }),
  },
  ...[
    'select s.sku from inventory.stock s - canceling statement due to user request',
    'insert into "messaging"."outbox" ("id") values ($1)',
    'Error: no\n    at charge (/app/dist/activities/payments/simulated-provider.js:40:11)',
    'connect ECONNREFUSED',
    'no answer from 10.0.0.7:5432',
    'BEGIN; - Connection terminated unexpectedly',
  ].map((text) => ({
    what: `"${text.split('\n')[0] ?? ''}" in an event`,
    invariant: 'I13',
    plant: (facts: Facts): Facts => withText(facts, 'stream', text),
  })),
];
