import assert from 'node:assert/strict';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import { runAudit } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { place, untilEnded } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { untilViewsAreCurrent } from '../../support/stream.ts';
import { contentsOf } from '../../support/tables.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('a repair by the audit', function () {
  this.timeout(120_000);
  let system: System;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ processes: ['command-api', 'worker'] });
    // As the owner: a rebuild gives rights to the users of an installation, which a test's are not.
    const env = { DATABASE_URL: system.ownerEnv.DATABASE_URL };
    await Promise.all([system.start('query-api', { env }), system.start('projector', { env })]);
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 }]);
  });
  after(() => system.close());

  const order = {
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 2 }],
    paymentMethod: 'pm_card_visa' as const,
  } satisfies PlaceOrderRequest;

  /** No saga has anything to do until parcels leave, and all is shown. */
  async function untilAtRest(): Promise<void> {
    await eventually(
      async () => {
        const busy = await system.db('orders.orders').whereNot({ shipment: 'BOOKED' }).pluck('id');
        return busy.length === 0 || undefined;
      },
      { what: 'all parcels are booked' },
    );
    await untilViewsAreCurrent(system.db, system.topology);
  }

  it('publishes again what the relay has passed over, so that the order runs', async () => {
    await place(system, order);
    await untilAtRest();
    await system.stop('worker');
    const passedOver = await place(system, order);
    await system.db.raw(
      'update messaging.outbox_cursor set snapshot_from = pg_current_snapshot(), snapshot_to = null, last_seq = null',
    );
    await system.start('worker');

    const found = await runAudit(system.ownerEnv);
    assert.equal(found.code, 1, found.stderr);
    assert.match(
      found.stdout,
      new RegExp(`order ${passedOver}: version 1 in the outbox and not in the stream`),
    );

    const repaired = await runAudit(system.ownerEnv, '--repair');
    assert.match(repaired.stderr, /repaired: published again: 1 events/);
    assert.doesNotMatch(repaired.stderr, /rebuil[dt]|failed/, 'the read tables are as the stream has it');
    const [view] = await untilEnded(system, [passedOver]);
    assert.equal(view?.status, 'COMPLETED');
    await untilAtRest();
    const afterwards = await runAudit(system.ownerEnv, '--repair');
    assert.equal(afterwards.code, 0, afterwards.stdout);
    assert.doesNotMatch(afterwards.stderr, /repaired/);
  });

  it('rebuilds the projections whose tables are wrong, and no others', async () => {
    await place(system, order);
    await untilAtRest();
    const before = await contentsOf(system.db, ['read.order_summary', 'read.products']);
    await system.db.raw('delete from read.order_summary');
    await system.db.raw('update read.sales set amount_minor = amount_minor + 1');
    const repaired = await runAudit(system.ownerEnv, '--repair');
    assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
    assert.match(repaired.stderr, /repaired: rebuilt: orders, sales\n/);
    assert.deepEqual(await contentsOf(system.db, ['read.order_summary', 'read.products']), before);
  });

  const wrong: readonly { projection: string; plant: string; tables: readonly string[] }[] = [
    {
      projection: 'order-search',
      plant: `update read.order_search set status = 'REFUNDED'`,
      tables: ['read.order_search'],
    },
    {
      projection: 'customers',
      plant: 'update read.customers set spent_minor = spent_minor - 1',
      tables: ['read.customers', 'read.customer_orders'],
    },
    {
      projection: 'operations',
      plant: `delete from read.operations where what = 'completed'`,
      tables: ['read.operations', 'read.operations_runs'],
    },
  ];
  for (const { projection, plant, tables } of wrong)
    it(`rebuilds ${projection} alone where nothing else is wrong`, async () => {
      await untilAtRest();
      const before = await contentsOf(system.db, [...tables]);
      await system.db.raw(plant);
      const repaired = await runAudit(system.ownerEnv, '--repair');
      assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
      assert.match(repaired.stderr, new RegExp(`repaired: rebuilt: ${projection}\n`));
      assert.deepEqual(await contentsOf(system.db, [...tables]), before);
    });

  it('leaves the write side as it is, and says who has to decide', async () => {
    await system.db.raw(`update inventory.stock set reserved = reserved - 1`);
    const before = await contentsOf(system.db, [
      'inventory.stock',
      'orders.orders',
      'messaging.outbox_parked',
    ]);
    const repaired = await runAudit(system.ownerEnv, '--repair');
    assert.equal(repaired.code, 1, repaired.stderr);
    assert.match(repaired.stdout, /product COFFEE: reserved: \d in stock, \d by reservations/);
    assert.match(repaired.stdout, /Count the shelf/);
    assert.doesNotMatch(repaired.stderr, /repaired/);
    assert.deepEqual(
      await contentsOf(system.db, ['inventory.stock', 'orders.orders', 'messaging.outbox_parked']),
      before,
    );
  });
});
