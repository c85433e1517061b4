import assert from 'node:assert/strict';
import { createOrderRepository, type OrderRepository } from '../../../db/order-repository.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
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
        const undoing = index % 2 === 0 ? orders.beginUndo(id) : undefined;
        const completing = complete(id);
        return Promise.all([completing, undoing ?? orders.beginUndo(id)]);
      }),
    );
    for (const [isCompleted, status] of answers) assert.equal(status, isCompleted ? 'COMPLETED' : 'PAID');
  });

  it('can be undone to its end', async () => {
    const id = await paidOrder();
    assert.equal(await orders.beginUndo(id), 'PAID');
    assert.equal(await orders.beginUndo(id), 'PAID');
    await change(
      id,
      { type: 'RecordRefund', acted: true },
      { type: 'RecordRelease', acted: true },
      { type: 'CancelOrder', reason: 'FAILED', detail: 'test' },
    );
    assert.equal(await orders.statusOf(id), 'CANCELLED');
  });

  it('must exist', () =>
    assert.rejects(orders.beginUndo('00000000-0000-7000-8000-000000000000'), { code: 'ORDER_NOT_FOUND' }));
});
