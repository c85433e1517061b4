import type { EventFact, Facts } from './facts.ts';
import { first, without, type Planted } from './plant.ts';
import { plantedInSagas } from './planted-in-sagas.ts';

const isLater = ({ aggregateType, aggregateVersion }: EventFact): boolean =>
  aggregateType === 'order' && aggregateVersion > 1;

/** Bugs as they would show in what is left behind: each invariant's check must see its own. */
export const planted: readonly Planted[] = [
  {
    what: 'a refund that was forgotten',
    invariant: 'I1',
    plant: (facts) => ({
      ...facts,
      ledger: without(
        facts.ledger,
        first(facts.ledger, ({ kind }) => kind === 'REFUND'),
      ),
    }),
  },
  {
    what: 'stock that was released twice',
    invariant: 'I2',
    plant: (facts) => ({
      ...facts,
      stock: facts.stock.map((row) => ({ ...row, reserved: row.reserved - 1 })),
    }),
  },
  {
    what: 'pieces that vanished',
    invariant: 'I2',
    plant: (facts) => ({ ...facts, stock: facts.stock.map((row) => ({ ...row, onHand: row.onHand - 1 })) }),
  },
  {
    what: 'a reservation left behind',
    invariant: 'I2',
    plant: (facts) => ({
      ...facts,
      reservations: facts.reservations.map((reservation) => ({
        ...reservation,
        state: reservation.state === 'RELEASED' ? 'HELD' : reservation.state,
      })),
    }),
  },
  {
    what: 'a row that the relay skipped',
    invariant: 'I3',
    plant: (facts: Facts): Facts => {
      const { id } = first(facts.stream, isLater);
      return { ...facts, stream: facts.stream.filter((event) => event.id !== id) };
    },
  },
  {
    what: 'a message of a transaction that was rolled back',
    invariant: 'I3',
    plant: (facts) => ({ ...facts, outbox: without(facts.outbox, first(facts.outbox, isLater)) }),
  },
  {
    what: 'an event that the projector passed over',
    invariant: 'I3',
    plant: (facts: Facts): Facts => {
      const [id, versions] = first([...facts.timelines], ([, all]) => all.length > 1);
      return { ...facts, timelines: new Map(facts.timelines).set(id, versions.slice(0, -1)) };
    },
  },
  {
    what: 'a second charge',
    invariant: 'I4',
    plant: (facts: Facts): Facts => {
      const refunded = new Set(facts.ledger.filter(({ kind }) => kind === 'REFUND').map(({ key }) => key));
      const charge = first(facts.ledger, ({ kind, key }) => kind === 'CHARGE' && !refunded.has(key));
      return { ...facts, ledger: [...facts.ledger, charge] };
    },
  },
  {
    what: 'an accepted order that is lost',
    invariant: 'I5',
    plant: (facts) => ({ ...facts, orders: facts.orders.slice(1) }),
  },
  {
    what: 'an order that hangs',
    invariant: 'I5',
    plant: (facts) => ({
      ...facts,
      orders: facts.orders.map((order, index) => (index === 0 ? { ...order, status: 'RESERVED' } : order)),
    }),
  },
  {
    what: 'an order that was placed twice for one request',
    invariant: 'I5',
    plant: (facts) => ({
      ...facts,
      orders: [...facts.orders, { ...first(facts.orders, () => true), id: 'another' }],
    }),
  },
  {
    what: 'sales that were added twice',
    invariant: 'I6',
    plant: (facts) => ({
      ...facts,
      read: { ...facts.read, sales: facts.read.sales.map((row) => row.replace(/\d+$/, '1')) },
    }),
  },
  {
    what: 'a view that shows another state than its events',
    invariant: 'I6',
    plant: (facts) => ({
      ...facts,
      read: { ...facts.read, orders: facts.read.orders.map((row) => row.replace('DELIVERED', 'SHIPPED')) },
    }),
  },
  {
    what: 'a saga that went on and is still listed as stuck',
    invariant: 'I6',
    plant: (facts) => ({ ...facts, read: { ...facts.read, stuckSagas: ['order-1|1|order|refundPayment'] } }),
  },
  {
    what: 'a customer who has spent what they did not',
    invariant: 'I6',
    plant: (facts) => ({
      ...facts,
      read: { ...facts.read, customers: facts.read.customers.map((row) => row.replace(/\d+$/, '1')) },
    }),
  },
  {
    what: 'cancellations that were counted twice',
    invariant: 'I6',
    plant: (facts: Facts): Facts => {
      const cancelled = first(facts.read.operations, (row) => row.includes('|cancelled|'));
      const twice = cancelled.replace(/\d+$/, (times) => String(2 * Number(times)));
      return {
        ...facts,
        read: { ...facts.read, operations: [...without(facts.read.operations, cancelled), twice] },
      };
    },
  },
  {
    what: 'an order that no search finds',
    invariant: 'I6',
    plant: (facts) => ({
      ...facts,
      read: { ...facts.read, orderSearch: facts.read.orderSearch.slice(1) },
    }),
  },
  {
    what: 'two events of an order that were swapped',
    invariant: 'I7',
    plant: (facts: Facts): Facts => {
      const later = first(facts.stream, isLater);
      return { ...facts, stream: [later, ...facts.stream] };
    },
  },
  {
    what: 'a repeat that was answered with another order',
    invariant: 'I8',
    plant: (facts: Facts): Facts => {
      const [key] = first([...facts.accepted], () => true);
      return { ...facts, accepted: new Map(facts.accepted).set(key, 'another') };
    },
  },
  {
    what: 'a key that was kept twice',
    invariant: 'I8',
    plant: (facts: Facts): Facts => ({
      ...facts,
      keys: [...facts.keys, { ...first(facts.keys, () => true), orderId: 'another' }],
    }),
  },
  {
    what: 'a key that was committed without its order',
    invariant: 'I8',
    plant: (facts: Facts): Facts => ({
      ...facts,
      keys: [...facts.keys, { subject: '', key: '', orderId: '' }],
    }),
  },
  ...plantedInSagas,
];
