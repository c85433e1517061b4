import assert from 'node:assert/strict';
import { placeOrders } from '../../../db/place-orders.ts';
import type { Knex } from '../../../db/connection.ts';
import { placeOrder, type Order } from '../../../domain/order.ts';
import { newOrder, orderContent, orderHistory } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

// Whatever the code does: these are refused to the owner of the tables as well.
describe('the write side refuses', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
  });
  after(() => database.drop());

  async function insert(order: Order): Promise<string> {
    const [created] = orderHistory([placeOrder(orderContent)], { orderId: order.id });
    assert.ok(created);
    await db.transaction((trx) => placeOrders(trx, [{ order, created }]));
    return order.id;
  }
  const refuses = (writing: Promise<unknown>, constraint: string): Promise<void> =>
    assert.rejects(writing, (error: Error & { code?: string; constraint?: string }) => {
      assert.deepEqual([error.code, error.constraint], ['23514', constraint], error.message);
      return true;
    });

  it('a total that is not what the lines cost, and writes nothing of that order', async () => {
    const order = newOrder();
    await refuses(insert({ ...order, totalMinor: order.totalMinor + 1 }), 'lines_make_the_total');
    assert.equal(await db('orders.orders').where({ id: order.id }).first(), undefined);
  });

  it('a line that is added to an order afterwards', async () => {
    const id = await insert(newOrder());
    const line = { order_id: id, line_no: 99, sku: 'COFFEE', quantity: 1, unit_price_minor: 1 };
    await refuses(db('orders.order_lines').insert(line), 'lines_make_the_total');
  });

  const cases: [what: string, change: object, constraint: string][] = [
    ['an unknown status', { status: 'LOST' }, 'orders_status_check'],
    ['a total below nothing', { total_minor: -1 }, 'orders_total_minor_check'],
    ['a currency that is none', { currency: 'eur' }, 'orders_currency_check'],
    ['a version that does not count', { version: 0 }, 'orders_version_check'],
    ['a cancelled order without a reason', { status: 'CANCELLED' }, 'orders_reason_check'],
    [
      'a cancelled order that keeps the money',
      { status: 'CANCELLED', cancel_reason: 'OUT_OF_STOCK', payment: 'CHARGED' },
      'orders_ended_check',
    ],
    [
      'a refunded order that keeps stock',
      { status: 'REFUNDED', cancel_reason: 'PARCEL_LOST', payment: 'REFUNDED', inventory: 'RESERVED' },
      'orders_ended_check',
    ],
  ];
  for (const [what, change, constraint] of cases) {
    it(what, async () => {
      const id = await insert(newOrder());
      await refuses(db('orders.orders').where({ id }).update(change), constraint);
    });
  }

  for (const quantity of [0, -1, 1_001]) {
    it(`a quantity of ${quantity}`, async () => {
      const id = await insert(newOrder());
      await refuses(
        db('orders.order_lines').where({ order_id: id }).update({ quantity }),
        'order_lines_quantity_check',
      );
    });
  }

  it('stock that is reserved beyond what is there', async () => {
    await db('inventory.stock').insert({ sku: 'LAST', on_hand: 1, reserved: 1, version: 1 });
    await refuses(db('inventory.stock').where({ sku: 'LAST' }).increment('reserved', 1), 'stock_check');
  });
});
