import assert from 'node:assert/strict';
import { createOrderRepository, type OrderRepository } from '../../../db/order-repository.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import type { OrderPosition } from '../../../domain/order-saga.ts';
import { placeOrder, type OrderCommand } from '../../../domain/order.ts';
import { systemClock } from '../../../platform/clock.ts';
import { newOrder, orderContent, orderHistory, provenance } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const ORDERS = 50;

describe('an order that its saga begins to undo', () => {
  let database: TestDatabase;
  let orders: OrderRepository;

  before(async () => {
    database = await createTestDatabase();
    orders = createOrderRepository({ db: database.db, clock: systemClock, nudge: () => undefined });
  });
  after(() => database.drop());

  const change = async (id: string, ...commands: OrderCommand[]): Promise<void> => {
    for (const command of commands) await orders.change(id, command, provenance);
  };
  async function paidOrder(): Promise<string> {
    const order = newOrder();
    const [created] = orderHistory([placeOrder(orderContent)], { orderId: order.id });
    assert.ok(created);
    await database.db.transaction((trx) => placeOrders(trx, [{ order, created }]));
    await change(
      order.id,
      { type: 'RecordReservation' },
      { type: 'RecordCharge', amountMinor: order.totalMinor, providerReference: 'ref' },
    );
    return order.id;
  }
  const why = { reason: 'CANCEL_REQUESTED', detail: 'changed my mind' } as const;
  const beginUndo = (id: string): Promise<OrderPosition> => orders.beginUndo(id, 'order', why);
  const complete = (id: string): Promise<boolean> =>
    change(id, { type: 'CompleteOrder' }).then(
      () => true,
      (error: unknown) => {
        assert.ok(error instanceof OrderSystemError && error.code === 'INVALID_TRANSITION', String(error));
        return false;
      },
    );

  it('is either completed before, and told so, or not completed any more, in whatever order they arrive', async () => {
    const ids = await Promise.all(Array.from({ length: ORDERS }, paidOrder));
    const answers = await Promise.all(
      ids.map(async (id, index) => {
        const undoing = index % 2 === 0 ? beginUndo(id) : undefined;
        const completing = complete(id);
        return Promise.all([completing, undoing ?? beginUndo(id)]);
      }),
    );
    for (const [isCompleted, { status }] of answers) assert.equal(status, isCompleted ? 'COMPLETED' : 'PAID');
  });

  it('can be undone to its end', async () => {
    const id = await paidOrder();
    assert.deepEqual(await beginUndo(id), { status: 'PAID', approval: 'NONE', undo: why });
    assert.equal((await beginUndo(id)).status, 'PAID');
    await change(
      id,
      { type: 'RecordRefund', acted: true },
      { type: 'RecordRelease', acted: true },
      { type: 'CancelOrder', reason: 'OUT_OF_STOCK', detail: 'another reason' },
    );
    assert.deepEqual(await orders.positionOf(id), {
      status: 'CANCELLED',
      approval: 'NONE',
      payment: 'REFUNDED',
      inventory: 'RELEASED',
      undo: why,
    });
  });

  it('keeps the first reason, which is the one that its events tell', async () => {
    const id = await paidOrder();
    await beginUndo(id);
    const { undo } = await orders.beginUndo(id, 'order', { reason: 'PAYMENT_OVERDUE', detail: 'later' });
    assert.deepEqual(undo, why);
    const { events } = await orders
      .change(id, { type: 'RecordRefund', acted: true }, provenance)
      .then(() => orders.change(id, { type: 'RecordRelease', acted: true }, provenance))
      .then(() =>
        orders.change(id, { type: 'CancelOrder', reason: 'PAYMENT_OVERDUE', detail: 'later' }, provenance),
      );
    assert.deepEqual(
      events.map(({ data }) => data),
      [why],
    );
  });

  it('that is past the saga which asks records nothing', async () => {
    const id = await paidOrder();
    await complete(id);
    assert.deepEqual(await beginUndo(id), { status: 'COMPLETED', approval: 'NONE', undo: null });
    const ofShipment = await orders.beginUndo(id, 'shipment', why);
    assert.deepEqual(ofShipment.undo, why);
  });

  it('must exist', () =>
    assert.rejects(beginUndo('00000000-0000-7000-8000-000000000000'), { code: 'ORDER_NOT_FOUND' }));
});
