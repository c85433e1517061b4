import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OrderSystemError } from '../../../domain/errors.ts';
import type { OrderFact } from '../../../domain/events.ts';
import { decide, evolve, hasEnded, type Order, type OrderCommand } from '../../../domain/order.ts';
import { newOrder, stories } from '../../support/builders.ts';

const reserve: OrderCommand = { type: 'RecordReservation' };
const charge: OrderCommand = { type: 'RecordCharge', amountMinor: 4_320, providerReference: 'ref' };
const complete: OrderCommand = { type: 'CompleteOrder' };
const refund: OrderCommand = { type: 'RecordRefund', acted: true };
const release: OrderCommand = { type: 'RecordRelease', acted: true };
const cancel: OrderCommand = { type: 'CancelOrder', reason: 'OUT_OF_STOCK', detail: 'none left' };

const book: OrderCommand = { type: 'RecordBooking', carrier: 'Carrier', trackingNumber: 'T1' };
const dispatch: OrderCommand = { type: 'RecordDispatch' };
const deliver: OrderCommand = { type: 'RecordDelivery' };
const fail: OrderCommand = { type: 'RecordShipmentFailure', reason: 'PARCEL_LOST', detail: 'gone' };
const refundOrder: OrderCommand = { type: 'RefundOrder', reason: 'PARCEL_LOST', detail: 'gone' };
const paidFor = [reserve, charge, complete];

const after = (order: Order, facts: readonly OrderFact[]): Order =>
  facts.reduce((state, fact) => evolve(state, state.id, fact), order);
const given = (...commands: OrderCommand[]): Order =>
  commands.reduce((order, command) => after(order, decide(order, command)), newOrder());
const typesOf = (facts: readonly OrderFact[]): string[] => facts.map(({ type }) => type);
const refused = { name: 'OrderSystemError', code: 'INVALID_TRANSITION' };

describe('order decisions', () => {
  it('an order goes from PENDING over RESERVED and PAID to COMPLETED', () => {
    const statuses = [[], [reserve], [reserve, charge], [reserve, charge, complete]].map(
      (commands) => given(...commands).status,
    );
    assert.deepEqual(statuses, ['PENDING', 'RESERVED', 'PAID', 'COMPLETED']);
  });

  it('an order that its saga undoes is not completed by a completion that comes late', () => {
    const paid = given(reserve, charge);
    assert.throws(() => decide({ ...paid, undoBegan: true }, complete), refused);
    assert.deepEqual(decide({ ...given(...paidFor), undoBegan: true }, complete), []);
  });

  it('a stored history leads to the state that the commands led to', () => {
    const [created, ...rest] = stories.completed;
    assert.equal(created.type, 'OrderCreated');
    const { version, ...replayed } = after(newOrder(), rest);
    assert.equal(version, 4);
    assert.deepEqual(
      { ...replayed, id: '' },
      (({ version: _, ...order }) => ({ ...order, id: '' }))(given(reserve, charge, complete)),
    );
  });

  it('money cannot be taken before stock is held', () => {
    assert.throws(() => decide(given(), charge), refused);
  });

  it('an order cannot be completed before it is paid', () => {
    assert.throws(() => decide(given(reserve), complete), refused);
  });

  it('an order that holds stock or money cannot be cancelled', () => {
    assert.throws(() => decide(given(reserve), cancel), refused);
    assert.throws(() => decide(given(reserve, charge), cancel), refused);
    assert.throws(() => decide(given(reserve, charge, refund), cancel), refused);
  });

  it('an undone order is cancelled with its reason', () => {
    const order = given(reserve, charge, refund, release, cancel);
    assert.equal(order.status, 'CANCELLED');
    assert.equal(order.cancelReason, 'OUT_OF_STOCK');
  });

  it('a completed order can be neither cancelled nor undone', () => {
    for (const command of [cancel, refund, release]) {
      assert.throws(() => decide(given(reserve, charge, complete), command), refused);
    }
  });

  it('a completed order is booked, shipped and delivered, in this order', () => {
    const statuses = [[book], [book, dispatch], [book, dispatch, deliver]].map(
      (commands) => given(...paidFor, ...commands).status,
    );
    assert.deepEqual(statuses, ['COMPLETED', 'SHIPPED', 'DELIVERED']);
    assert.throws(() => decide(given(reserve, charge), book), refused);
    assert.throws(() => decide(given(...paidFor), dispatch), refused);
    assert.throws(() => decide(given(...paidFor, book), deliver), refused);
  });

  it('a shipment that failed before the goods left gives back money and stock, and only then is refunded', () => {
    const failed = [...paidFor, book, fail];
    assert.throws(() => decide(given(...failed), refundOrder), refused);
    assert.throws(() => decide(given(...failed, refund), refundOrder), refused);
    const order = given(...failed, refund, release, refundOrder);
    assert.deepEqual(
      [order.status, order.inventory, order.payment, order.cancelReason],
      ['REFUNDED', 'RELEASED', 'REFUNDED', 'PARCEL_LOST'],
    );
    assert.throws(() => decide(given(...failed), dispatch), refused);
  });

  it('goods that have left are not released; the money goes back all the same', () => {
    const order = given(...paidFor, book, dispatch, fail, refund, refundOrder);
    assert.deepEqual([order.status, order.inventory, order.payment], ['REFUNDED', 'SHIPPED', 'REFUNDED']);
    assert.deepEqual(decide(given(...paidFor, book, dispatch, fail), release), []);
  });

  it('a refund of a charge that was never recorded is told when money moved, and only then', () => {
    assert.deepEqual(typesOf(decide(given(reserve), refund)), ['PaymentRefunded']);
    assert.deepEqual(decide(given(reserve), { type: 'RecordRefund', acted: false }), []);
  });

  it('once released, a late reservation is refused', () => {
    assert.throws(
      () => decide(given(reserve, release), { type: 'RecordCharge', amountMinor: 1, providerReference: '' }),
      refused,
    );
  });

  const commands = fc.array(
    fc.constantFrom(
      ...[reserve, charge, complete, refund, release, cancel, book, dispatch, deliver, fail, refundOrder],
    ),
    { maxLength: 60 },
  );

  it('whatever the commands: versions count events, repeats change nothing, and an ended order stays as it is', () => {
    fc.assert(
      fc.property(commands, (sequence) => {
        let order = newOrder();
        for (const command of sequence) {
          const before = order;
          let facts: OrderFact[];
          try {
            facts = decide(order, command);
          } catch (error) {
            if (error instanceof OrderSystemError && error.code === 'INVALID_TRANSITION') continue;
            throw error;
          }
          order = after(order, facts);
          assert.equal(order.version, before.version + facts.length);
          assert.deepEqual(decide(order, command), [], `${command.type} repeated`);
          if (hasEnded(before.status)) assert.deepEqual(order, before);
          if (order.status === 'COMPLETED') {
            const undoing = order.shipment === 'FAILED';
            assert.ok(undoing || (order.inventory === 'RESERVED' && order.payment === 'CHARGED'));
          }
          if (order.status === 'DELIVERED') {
            assert.deepEqual([order.inventory, order.payment], ['SHIPPED', 'CHARGED']);
          }
          if (order.status === 'REFUNDED') {
            assert.notEqual(order.inventory, 'RESERVED');
            assert.equal(order.payment, 'REFUNDED');
          }
          if (order.status === 'CANCELLED') {
            assert.notEqual(order.inventory, 'RESERVED');
            assert.notEqual(order.payment, 'CHARGED');
          }
        }
      }),
    );
  });
});
