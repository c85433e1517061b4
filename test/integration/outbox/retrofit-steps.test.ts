import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { MemoryPayments } from '../../support/memory-payments.ts';
import { createShopDatabase, type ShopDatabase } from '../../support/shop-database.ts';
import { install } from './retrofit/install.ts';
import {
  createShopActivities,
  statusOf,
  type PlacedOrder,
  type ShopActivities,
} from './retrofit/saga-activities.ts';
import { giveBack, setAside, setAsideTable } from './retrofit/stock.ts';
import { placeOrder } from './retrofit/wrapped.ts';

describe("the steps of a retrofitted application's saga", () => {
  let shop: ShopDatabase;
  let steps: ShopActivities;
  let order: PlacedOrder;
  beforeEach(async () => {
    shop = await createShopDatabase();
    await install(shop.db);
    await shop.client.query(setAsideTable);
    steps = createShopActivities({ pool: shop.pool, payments: new MemoryPayments() });
    const id = await placeOrder(shop.db, 'Edsger', 'atlas', 2990);
    order = { id, item: 'atlas', totalCents: 2990 };
  });
  afterEach(() => shop.drop());

  const twice = async (step: keyof ShopActivities): Promise<void> => {
    await steps[step](order);
    await steps[step](order);
  };

  it('stock is set aside and given back once, however often it is asked for', async () => {
    await twice('setAside');
    assert.equal(await shop.stockOf('atlas'), 2);
    await twice('giveBack');
    assert.equal(await shop.stockOf('atlas'), 3);
  });

  it('stock that was given back is not set aside by a try that comes late', async () => {
    await steps.giveBack(order);
    await steps.setAside(order);
    assert.equal(await shop.stockOf('atlas'), 3);
  });

  it('stock is given back although it was still being set aside', async () => {
    await shop.client.query('begin');
    await setAside(shop.client, order.id, order.item);
    const givingBack = giveBack(shop.pool, order.id, order.item);
    await eventually(
      async () => {
        const { rowCount } = await shop.pool.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        return rowCount === 1 || undefined;
      },
      { what: 'giving back waits' },
    );
    await shop.client.query('commit');
    await givingBack;
    assert.equal(await shop.stockOf('atlas'), 3);
  });

  it('an order that is paid stays so, whether told again or cancelled too late', async () => {
    await twice('markPaid');
    await twice('cancelOrder');
    assert.equal(await statusOf(shop.pool, order.id), 'PAID');
  });

  it('a cancelled order is refused to be paid', async () => {
    await twice('cancelOrder');
    await assert.rejects(steps.markPaid(order), { message: 'order gone', nonRetryable: true });
    assert.equal(await statusOf(shop.pool, order.id), 'CANCELLED');
  });
});
