import assert from 'node:assert/strict';
import { auditSystem, driftOf } from '../../support/audit.ts';
import { runEntryPoint } from '../../support/entry-point.ts';
import { makeHostile } from '../../support/hostile-defaults.ts';
import { getJson } from '../../support/http.ts';
import { testMessaging } from '../../support/messaging.ts';
import { place, untilStatus, type OrderView } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import type { ProcessName } from '../../support/processes.ts';
import { untilViewsAreCurrent } from '../../support/stream.ts';
import { startSystem, type System } from '../../support/system.ts';

const names: readonly ProcessName[] = ['command-api', 'query-api', 'worker', 'projector'];
const DAY_MS = 86_400_000;
const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

describe('the system on a database whose defaults are all hostile', function () {
  this.timeout(300_000);
  let system: System;
  let orders: OrderView[];
  const began = Date.now();

  before(async () => {
    system = await startSystem({ processes: [] });
    await makeHostile(system.db, new URL(system.ownerEnv.DATABASE_URL).pathname.slice(1));
    const env = { CARRIER_DISPATCH_MS: '100', CARRIER_DELIVERY_MS: '100' };
    await Promise.all(names.map((name) => system.start(name, { env })));
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    const ids: string[] = [];
    for (const paymentMethod of ['pm_card_visa', 'pm_card_declined', 'pm_card_visa'] as const)
      ids.push(
        await place(system, {
          customerId: 'customer-1',
          lines: [{ sku: 'COFFEE', quantity: 2 }],
          paymentMethod,
        }),
      );
    orders = await untilStatus(system, ids, ['DELIVERED', 'CANCELLED'], 120_000);
  });
  after(() => system.close());

  const ask = <T>(path: string): Promise<T> => getJson<T>(`${system.urls['query-api']}${path}`);

  it('carries orders to their ends, and shows when they were placed', () => {
    assert.deepEqual(
      orders.map(({ status }) => status),
      ['DELIVERED', 'CANCELLED', 'DELIVERED'],
    );
    for (const { placedAt } of orders as (OrderView & { placedAt: string })[]) {
      assert.match(placedAt, /^\d{4}-\d\d-\d\dT.*Z$/);
      assert.ok(Date.parse(placedAt) >= began - 1_000 && Date.parse(placedAt) <= Date.now());
    }
  });

  it('finds orders by their words', async () => {
    const found = await ask<{ items: unknown[] }>('/orders/search?q=coffee');
    assert.equal(found.items.length, 3);
  });

  it('has each day in the figures once, also where clocks were put forward at midnight', async () => {
    const year = new Date().getUTCFullYear() - (new Date().getUTCMonth() < 9 ? 1 : 0);
    const first = Date.parse(`${year}-09-01`);
    const { items } = await ask<{ items: { day: string }[] }>(
      `/analytics/sales?from=${dayOf(first)}&to=${dayOf(began)}&fill=true`,
    );
    const days = Array.from({ length: Math.round((Date.parse(dayOf(began)) - first) / DAY_MS) + 1 }, (_, n) =>
      dayOf(first + n * DAY_MS),
    );
    assert.deepEqual([...new Set(items.map(({ day }) => day))], days);
  });

  it('has nothing drift, and a rebuild makes the same tables', async () => {
    const messaging = await testMessaging();
    try {
      await untilViewsAreCurrent(system.db, system.topology);
      assert.deepEqual(driftOf(await auditSystem(system, messaging)), {});
    } finally {
      await messaging.close();
    }
    const { code, output } = await runEntryPoint(
      'projections/rebuild.main.ts',
      ['--check', 'all'],
      system.ownerEnv,
    ).ended;
    assert.equal(code, 0, output);
  });
});
