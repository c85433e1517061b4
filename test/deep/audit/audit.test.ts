import assert from 'node:assert/strict';
import type { Messaging } from '../../../messaging/connection.ts';
import { auditSystem, driftOf, runAudit } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { post } from '../../support/http.ts';
import { withKept } from '../../support/kept-tables.ts';
import { testMessaging } from '../../support/messaging.ts';
import { place, untilStatus } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { untilViewsAreCurrent } from '../../support/stream.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('the audit of a running system', function () {
  this.timeout(120_000);
  let system: System;
  let messaging: Messaging;
  let delivered: string;
  let cancelled: string;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ env: { CARRIER_DISPATCH_MS: '100', CARRIER_DELIVERY_MS: '100' } });
    messaging = await testMessaging();
    await listProducts(system.db, [
      { sku: 'COFFEE', priceMinor: 1_890, onHand: 100_000 },
      { sku: 'FILTER', priceMinor: 90, onHand: 100_000 },
    ]);
    delivered = await place(system, order('pm_card_visa'));
    cancelled = await place(system, order('pm_card_declined'));
    await untilStatus(system, [delivered], ['DELIVERED']);
    await untilStatus(system, [cancelled], ['CANCELLED']);
  });
  after(async () => {
    await messaging.close();
    await system.close();
  });

  const order = (paymentMethod: 'pm_card_visa' | 'pm_card_declined') => ({
    customerId: 'customer-1',
    lines: [
      { sku: 'COFFEE', quantity: 2 },
      { sku: 'FILTER', quantity: 3 },
    ],
    paymentMethod,
  });
  const look = async () => driftOf(await auditSystem(system, messaging));

  it('finds nothing where nothing has drifted, having looked at everything', async () => {
    const report = await auditSystem(system, messaging);
    assert.deepEqual(driftOf(report), {});
    const looked = Object.fromEntries(report.checks.map(({ name, looked: n }) => [name, n]));
    assert.deepEqual(looked, {
      events: 4,
      outbox: 4,
      stream: 4,
      'stream-ahead': 4,
      'order-summaries': 2,
      'order-search': 2,
      // Both orders, and the one customer who placed them.
      customers: 3,
      operations: looked['operations'],
      totals: 2,
      'provider-books': 2,
      'carrier-books': 2,
      reservations: 2,
      stock: 2,
      products: 2,
      sales: looked['sales'],
      'sales-roll-ups': looked['sales'],
    });
    assert.ok((looked.sales ?? 0) >= 1);
    assert.ok((looked.operations ?? 0) >= 2 + 4, 'accepted, completed, delivered and cancelled');
    assert.equal(report.counts.orders, 2);
    assert.equal(report.counts.summaries, 2);
    assert.deepEqual(report.counts.outbox, report.counts.stream);
    assert.equal(report.counts.outbox['OrderCreated'], 2);
    assert.deepEqual(report.counts.books, { charges: 1, refunds: 0, parcels: 1, foreign: 0 });
  });

  it('takes nothing for drift that is under way', async () => {
    const enough = new AbortController();
    const placing = Array.from({ length: 4 }, async () => {
      const placed: string[] = [];
      while (!enough.signal.aborted) {
        const id = await place(system, order(placed.length % 5 === 4 ? 'pm_card_declined' : 'pm_card_visa'));
        if (placed.length % 7 === 3)
          await post(`${system.urls['command-api']}/orders/${id}/cancel`, { reason: 'changed my mind' });
        placed.push(id);
      }
      return placed;
    });
    let orders = 2;
    try {
      for (let round = 0; round < 3; round++) {
        const before = orders;
        await eventually(
          async () => {
            const row = await system.db('orders.orders').count<{ n: string }>({ n: '*' }).first();
            orders = Number(row?.n);
            return orders > before + 10 || undefined;
          },
          { what: 'more orders have come' },
        );
        assert.deepEqual(await look(), {}, `round ${round}`);
      }
    } finally {
      enough.abort();
    }
    const ids = (await Promise.all(placing)).flat();
    await untilStatus(system, ids, ['DELIVERED', 'CANCELLED', 'REFUNDED']);
    await untilViewsAreCurrent(system.db, system.topology);
    const report = await auditSystem(system, messaging);
    assert.deepEqual(driftOf(report), {});
    assert.deepEqual(
      report.checks.filter(({ moving, parked }) => moving + parked > 0),
      [],
    );
  });

  interface Fault {
    readonly what: string;
    readonly plant: string;
    /** By check, what its one sample says. */
    readonly found: Readonly<Record<string, RegExp>>;
  }
  const id = (): string => delivered;
  const faults: readonly Fault[] = [
    {
      what: 'an order that is not shown',
      plant: 'delete from read.order_summary where order_id = :id',
      found: { 'order-summaries': /^order [^ ]+: is not shown$/ },
    },
    {
      what: 'an order that is shown as something else',
      plant: `update read.order_summary set status = 'SHIPPED' where order_id = :id`,
      found: { 'order-summaries': /status: DELIVERED in the row, SHIPPED shown/ },
    },
    {
      what: 'an order that is shown without one of its events',
      plant: 'update read.order_summary set timeline = timeline - 1 where order_id = :id',
      found: { 'order-summaries': /shows 6 of 7 events/ },
    },
    {
      what: 'an order that is shown and was never placed',
      plant: `insert into read.order_summary select (r).* from (
        select jsonb_populate_record(s, '{"order_id": "ffffffff-0000-7000-8000-000000000000"}') as r
        from read.order_summary s where order_id = :id) made`,
      found: {
        'order-summaries': /order ffffffff-0000-7000-8000-000000000000: is shown, and there is no such order/,
      },
    },
    {
      what: 'an order that no search finds',
      plant: 'delete from read.order_search where order_id = :id',
      found: { 'order-search': /^order [^ ]+: is not shown$/ },
    },
    {
      what: 'an order that a search finds as something else',
      plant: `update read.order_search set status = 'SHIPPED', stuck = 'refundPayment: DOWN' where order_id = :id`,
      found: {
        'order-search':
          /status: DELIVERED in the row, SHIPPED shown; stuck: null in the row, refundPayment: DOWN/,
      },
    },
    {
      what: 'an order that a search finds and that was never placed',
      plant: `insert into read.order_search (order_id, version, customer_id, status, skus, placed_at, words)
        values ('ffffffff-0000-7000-8000-000000000000', 1, 'customer-1', 'PENDING', '{}', now(), 'nothing')`,
      found: {
        'order-search': /order ffffffff-0000-7000-8000-000000000000: is shown, and there is no such order/,
      },
    },
    {
      what: 'an order that its customer’s figures count as something else',
      plant: `update read.customer_orders set status = 'CANCELLED' where order_id = :id`,
      found: { customers: /^order [^ ]+: status: DELIVERED in the row, CANCELLED shown$/ },
    },
    {
      what: 'an order that counts for no customer',
      plant: 'delete from read.customer_orders where order_id = :id',
      found: { customers: /^order [^ ]+: is not shown$/ },
    },
    {
      what: 'a customer who has spent a cent more than their orders',
      plant: `update read.customers set spent_minor = spent_minor + 1
        where (customer_id, currency, partition) =
          (select customer_id, currency, partition from read.customers limit 1)`,
      found: { customers: /^customer customer-1 EUR: spent: \d+ by the orders, \d+ shown$/ },
    },
    {
      what: 'a customer who is not shown',
      plant: 'delete from read.customers',
      found: { customers: /^customer customer-1 EUR: is not shown$/ },
    },
    {
      what: 'a customer who is shown and has ordered nothing',
      plant: `insert into read.customers
          (customer_id, currency, orders, open, completed, cancelled, refunded, spent_minor, partition)
        values ('nobody', 'EUR', 1, 1, 0, 0, 0, 0, 0)`,
      found: { customers: /^customer nobody EUR: is shown, and no order counts for it$/ },
    },
    {
      what: 'an order of which operations do not know that it was completed',
      plant: 'update read.operations_runs set completed_at = null where order_id = :id',
      found: {
        operations:
          /^order [^ ]+: happened: accepted, completed, delivered in the row, accepted, delivered shown$/,
      },
    },
    {
      what: 'an order that operations count as stuck',
      plant: `update read.operations_runs set
          waits = jsonb_build_array(jsonb_build_object('cause', 'refundPayment: DOWN', 'since', now(), 'until', null))
        where order_id = :id`,
      found: { operations: /^order [^ ]+: stuck: null in the row, refundPayment: DOWN shown$/ },
    },
    {
      what: 'cancellations that were counted twice',
      plant: `update read.operations set times = times * 2 where what = 'cancelled'
        and (bucket, cause, partition) =
          (select bucket, cause, partition from read.operations where what = 'cancelled' and times > 0 limit 1)`,
      found: {
        operations: /^quarter of an hour from [^ ]+Z cancelled [A-Z_]+: times: \d+ by the orders, \d+ shown$/,
      },
    },
    {
      what: 'something that operations count and that has not happened',
      plant: `insert into read.operations (bucket, what, cause, slot, times, partition)
        values ('2026-03-01 10:15Z', 'resolved', 'refundPayment: DOWN', 7, 1, 0)`,
      found: {
        operations:
          /^quarter of an hour from 2026-03-01T10:15Z resolved refundPayment: DOWN slot 7: is shown, and no order/,
      },
    },
    {
      what: 'revenue that is off by a cent',
      plant: `update read.sales set amount_minor = amount_minor + 1 where (grain, bucket, sku, currency, status, partition) =
        (select grain, bucket, sku, currency, status, partition from read.sales
         where grain = 15 and sku = '' and status = 'DELIVERED' limit 1)`,
      found: {
        sales: /^quarter of an hour from .*: all products EUR DELIVERED: .* in fact, .* shown/,
        'sales-roll-ups': /the \d+ minutes of all products EUR DELIVERED are not the sum of their quarters/,
      },
    },
    {
      what: 'a day of a product that was lost',
      plant: `delete from read.sales where grain = 1440 and sku = 'COFFEE' and status = 'DELIVERED'`,
      found: {
        'sales-roll-ups':
          /T00:00:00.000Z: the 1440 minutes of COFFEE EUR DELIVERED are not the sum of their quarters/,
      },
    },
    {
      what: 'a product that is shown with more pieces than there are',
      plant: `update read.products set available = available + 1 where sku = 'COFFEE'`,
      found: { products: /^product COFFEE: available: \d+ in fact, \d+ shown/ },
    },
    {
      what: 'stock that is reserved for nobody',
      plant: `update inventory.stock set reserved = reserved + 1 where sku = 'COFFEE'`,
      found: {
        stock: /^product COFFEE: reserved: 1 in stock, 0 by reservations/,
        events: /^product COFFEE: reserved: 1 in stock, 0 by its events/,
      },
    },
    {
      what: 'an order whose lines do not come to its total',
      plant: `update orders.order_lines set quantity = 1 where order_id = :id and sku = 'COFFEE'`,
      found: {
        totals: /its lines come to 2160, its total is 4050/,
        'order-summaries': /^order [^ ]+: lines: /,
        sales: /COFFEE EUR DELIVERED/,
      },
    },
    {
      what: 'a reservation that is held for an order that has shipped',
      plant: `update inventory.reservations set state = 'HELD' where order_id = :id`,
      found: {
        reservations: /the reservation is HELD, and SHIPPED would be right/,
        stock: /^product COFFEE: reserved/,
      },
    },
    {
      what: 'an event that was deleted from the outbox',
      plant: 'delete from messaging.outbox where aggregate_id = cast(:id as text) and aggregate_version = 3',
      found: { outbox: /version 3 not in the outbox/ },
    },
    {
      what: 'a row that was changed without an event',
      plant: `update orders.orders set shipment = 'DISPATCHED' where id = :id`,
      found: { events: /shipment: DISPATCHED in the row, DELIVERED by its events/ },
    },
    {
      what: 'a row that was set back',
      plant: 'update orders.orders set version = version - 1 where id = :id',
      found: {
        outbox: /the outbox ends at 7, the row is at 6/,
        'stream-ahead': /the stream is at 7, the row at 6/,
      },
    },
  ];

  for (const { what, plant, found } of faults)
    it(`finds ${what}`, () =>
      withKept(system.db, async () => {
        await system.db.raw(plant, plant.includes(':id') ? { id: id() } : {});
        const drift = await look();
        assert.deepEqual(Object.keys(drift).sort(), Object.keys(found).sort());
        for (const [name, sample] of Object.entries(found))
          assert.match(drift[name]?.samples[0] ?? '', sample);
      }));

  it('takes nothing for drift that waits for an operator, or was discarded by one', () =>
    withKept(system.db, async () => {
      await system.db.raw(
        `insert into messaging.outbox_parked
           (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state)
         select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'DISCARDED'
         from messaging.outbox where aggregate_id = cast(:id as text) and aggregate_version = 7`,
        { id: id() },
      );
      await system.db.raw('delete from read.order_summary where order_id = :id', { id: id() });
      const report = await auditSystem(system, messaging);
      assert.deepEqual(driftOf(report), {});
      assert.equal(report.checks.find(({ name }) => name === 'order-summaries')?.parked, 1);
    }));

  it('says by its exit code whether something has drifted, and names it for people and for programs', async () => {
    const clean = await runAudit(system.ownerEnv);
    assert.equal(clean.code, 0, clean.stderr);
    assert.match(clean.stdout, /nothing has drifted/);
    await withKept(system.db, async () => {
      await system.db.raw('delete from read.order_summary where order_id = ?', [id()]);
      const drifted = await runAudit(system.ownerEnv);
      assert.equal(drifted.code, 1, drifted.stderr);
      assert.match(
        drifted.stdout,
        new RegExp(`order ${id()}: is not shown\n +→ Run .npm run audit -- --repair`),
      );
      const told = await runAudit(system.ownerEnv, '--json', '--samples', '0');
      assert.equal(told.code, 1);
      const report = JSON.parse(told.stdout) as Awaited<ReturnType<typeof auditSystem>>;
      assert.deepEqual(driftOf(report), { 'order-summaries': { drifted: 1, samples: [] } });
    });
  });

  it('says that it could not look, and who stands still', async () => {
    assert.match((await runAudit(system.ownerEnv, '--all')).stderr, /--all/);
    const nowhere = { ...system.ownerEnv, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' };
    assert.equal((await runAudit(nowhere)).code, 2);
    await system.stop('projector');
    try {
      await place(system, order('pm_card_declined'));
      const { code, stderr } = await runAudit({ ...system.ownerEnv, AUDIT_SETTLE_MS: '1000' });
      assert.equal(code, 2);
      assert.match(
        stderr,
        /the audit could not look: the projector did not apply message \d+ of the stream within 1 s/,
      );
    } finally {
      await system.start('projector');
    }
  });

  it('finds an event that the stream has lost', async () => {
    await untilViewsAreCurrent(system.db, system.topology);
    const manager = await messaging.require().jetstreamManager();
    const lost = await manager.streams.getMessage(system.topology.stream, {
      last_by_subj: system.topology.subjectOf({
        aggregateType: 'order',
        aggregateId: cancelled,
        type: 'OrderCancelled',
      }),
    });
    await manager.streams.deleteMessage(system.topology.stream, lost.seq);
    const drift = await look();
    assert.deepEqual(Object.keys(drift), ['stream']);
    assert.match(
      drift['stream']?.samples[0] ?? '',
      /^order .*: version \d in the outbox and not in the stream$/,
    );
  });
});
