import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { listProducts, stockOf } from '../../support/products.ts';
import { getJson, post } from '../../support/http.ts';
import { assertBalanced, place, untilEnded } from '../../support/orders.ts';
import { republishAll, untilViewsAreCurrent, withNats } from '../../support/stream.ts';
import { appliedSequence, contentsOf } from '../../support/tables.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('orders from REST to the read tables', function () {
  this.timeout(120_000);
  let system: System;

  before(async function () {
    this.timeout(600_000);
    // A provider that never answers ends an order with it.
    system = await startSystem({ env: { PAYMENT_DEADLINE_MS: '10000' } });
    await listProducts(system.db, [
      { sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 },
      { sku: 'LAST', priceMinor: 500, onHand: 10 },
    ]);
  });
  after(() => system.close());

  const unbooked = async (): Promise<number> => {
    const row = await system
      .db('orders.orders')
      .where({ status: 'COMPLETED', shipment: 'NONE' })
      .count({ n: '*' })
      .first();
    return Number(row?.n);
  };

  const order = (
    paymentMethod: 'pm_card_visa' | 'pm_card_declined' | 'pm_timeout_before' | 'pm_timeout_after',
  ) => ({
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 2 }],
    paymentMethod,
  });

  it('an order runs through reserve, charge and complete, and a GET straight after the 202 finds it', async () => {
    const id = await place(system, order('pm_card_visa'));
    const first = await getJson<{ orderId: string }>(`${system.urls['query-api']}/orders/${id}`);
    assert.equal(first.orderId, id);
    const [view] = await untilEnded(system, [id]);
    assert.ok(view);
    assert.equal(view.status, 'COMPLETED');
    assert.equal(view.total, 3_780);
    assert.deepEqual(
      // The shipment saga may have booked a carrier by now.
      view.timeline.slice(0, 4).map(({ event, status }) => [event, status]),
      [
        ['OrderCreated', 'PENDING'],
        ['InventoryReserved', 'RESERVED'],
        ['PaymentCharged', 'PAID'],
        ['OrderCompleted', 'COMPLETED'],
      ],
    );
    assert.match(view.links.workflow, new RegExp(`/namespaces/${system.namespace}/workflows/order-${id}$`));
  });

  it('whoever sends the token of a command with a list sees what it did, time after time', async () => {
    const late: string[] = [];
    for (let n = 0; n < 20; n++) {
      const placed = await post(`${system.urls['command-api']}/orders`, order('pm_card_visa'), {
        'Idempotency-Key': `token-${n}`,
      });
      const { orderId } = (await placed.json()) as { orderId: string };
      const token = { 'Read-Token': placed.headers.get('read-token') ?? '' };
      const answer = await fetch(`${system.urls['query-api']}/orders?limit=1`, { headers: token });
      assert.equal(answer.status, 200);
      const { items } = (await answer.json()) as { items: { orderId: string }[] };
      if (items[0]?.orderId !== orderId) late.push(orderId);
    }
    assert.deepEqual(late, []);
  });

  it('each payment method ends as it should, and money and stock add up', async () => {
    const ids = await Promise.all([
      place(system, order('pm_card_declined')),
      place(system, order('pm_timeout_before')),
      place(system, order('pm_timeout_after')),
    ]);
    const views = await untilEnded(system, ids);
    const outcomeOf = (id: string | undefined) => {
      const view = views.find(({ orderId }) => orderId === id);
      return [view?.status, view?.cancelReason];
    };
    assert.deepEqual(ids.map(outcomeOf), [
      ['CANCELLED', 'PAYMENT_DECLINED'],
      ['CANCELLED', 'PAYMENT_OVERDUE'],
      ['COMPLETED', undefined],
    ]);
    await assertBalanced(system.db);
  });

  it('100 orders for the last 10 pieces at once: 10 complete, 90 are cancelled, and nothing stays reserved for them', async () => {
    const lines = [{ sku: 'LAST', quantity: 1 }];
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        place(system, { customerId: `customer-${index}`, lines, paymentMethod: 'pm_card_visa' }),
      ),
    );
    const views = await untilEnded(system, ids);
    assert.equal(views.filter(({ status }) => status === 'COMPLETED').length, 10);
    assert.equal(views.filter(({ cancelReason }) => cancelReason === 'OUT_OF_STOCK').length, 90);
    assert.deepEqual(await stockOf(system.db, 'LAST'), {
      sku: 'LAST',
      on_hand: 10,
      reserved: 10,
      shipped: 0,
    });
    await assertBalanced(system.db);
    await untilViewsAreCurrent(system.db, system.topology);
    const { items } = await getJson<{ items: { sku: string; available: number }[] }>(
      `${system.urls['query-api']}/products`,
    );
    assert.equal(items.find(({ sku }) => sku === 'LAST')?.available, 0);
  });

  it('the sales are those of the orders, by status and by product, in a time zone', async () => {
    await untilViewsAreCurrent(system.db, system.topology);
    type Sums = Record<'orders' | 'revenue' | 'amount', number> & { readonly key: string };
    const shown = async (group: 'status' | 'sku'): Promise<Sums[]> => {
      const query = `by=total&group=${group}&timeZone=Pacific/Auckland&to=2999-12-31&from=2020-01-01`;
      const { items } = await getJson<{ items: (Sums & Record<typeof group, string>)[] }>(
        `${system.urls['query-api']}/analytics/sales?${query}`,
      );
      return items.map(({ [group]: key, orders, revenue, amount }) => ({ key, orders, revenue, amount }));
    };
    const { rows: byStatus } = await system.db.raw<{ rows: Sums[] }>(
      `select status as key, count(*)::integer as orders, sum(total_minor)::integer as amount,
         coalesce(sum(total_minor) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::integer
           as revenue
       from orders.orders group by status order by status`,
    );
    assert.ok(byStatus.length > 1);
    assert.deepEqual(await shown('status'), byStatus);
    const { rows: bySku } = await system.db.raw<{ rows: Sums[] }>(
      `select sku as key, count(*)::integer as orders, sum(quantity * unit_price_minor)::integer as amount,
         coalesce(sum(quantity * unit_price_minor)
           filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::integer as revenue
       from orders.orders join orders.order_lines on order_id = id group by sku order by sku collate "C"`,
    );
    assert.deepEqual(await shown('sku'), bySku);
  });

  it('every event delivered twice, under new sequences, changes nothing', async () => {
    await eventually(async () => (await unbooked()) === 0 || undefined, { what: 'all parcels are booked' });
    await untilViewsAreCurrent(system.db, system.topology);
    const before = await contentsOf(system.db);
    assert.ok((before['read.order_summary'] ?? []).length > 100);
    const last = await republishAll(system.topology);
    await eventually(async () => ((await appliedSequence(system.db)) === last ? true : undefined), {
      what: 'the projector has applied the repeats',
    });
    await withNats(async (connection) => {
      const { consumers } = await connection.jetstreamManager();
      await eventually(
        async () => {
          const { stream, orderSagaStarter, shipmentSagaStarter } = system.topology;
          const states = await Promise.all(
            [orderSagaStarter, shipmentSagaStarter].map((starter) => consumers.info(stream, starter)),
          );
          return (
            states.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0) ||
            undefined
          );
        },
        { what: 'the saga starters have seen the repeats' },
      );
    });
    assert.deepEqual(await contentsOf(system.db), before);
  });
});
