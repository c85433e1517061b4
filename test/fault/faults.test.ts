import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { z } from 'zod';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { loadConfig } from '../../platform/config.ts';
import { build } from '../support/build.ts';
import { eventually } from '../support/eventually.ts';
import { listProducts } from '../support/products.ts';
import { readFacts, type Facts } from './checker/facts.ts';
import { invariants } from './checker/invariants.ts';
import { planted } from './checker/planted.ts';
import { faults } from './faults.ts';
import { startLoad, type Load } from './load.ts';
import {
  startBreakableStack,
  type BreakableProcess,
  type BreakableStack,
} from '../support/breakable-stack.ts';

const { FAULT_SEED: seed } = loadConfig(
  z.object({
    FAULT_SEED: z.coerce
      .number()
      .int()
      .default(randomInt(2 ** 31)),
  }),
);

const ORDER_EVERY_MS = 250;
const END_WITHIN_MS = 240_000;
const stock = { BEANS: 100_000, TEA: 100_000, CUP: 60 };

/** Mostly good cards; half of the products run out under way. */
const order: fc.Arbitrary<PlaceOrderRequest> = fc.record({
  customerId: fc.nat(99).map((number) => `customer-${number}`),
  lines: fc.uniqueArray(
    fc.record({
      sku: fc.constantFrom(...Object.keys(stock)),
      quantity: fc.integer({ min: 1, max: 3 }),
    }),
    { selector: ({ sku }) => sku, minLength: 1, maxLength: 2 },
  ),
  paymentMethod: fc.constantFrom(
    ...(['pm_card_visa', 'pm_card_visa', 'pm_card_visa', 'pm_card_visa', 'pm_card_visa'] as const),
    ...(['pm_card_declined', 'pm_timeout_before', 'pm_timeout_after'] as const),
  ),
});
const [plan] = fc.sample(
  fc.record({
    faults: fc.shuffledSubarray([...faults], { minLength: faults.length }),
    delays: fc.array(fc.nat(2_000), { minLength: faults.length, maxLength: faults.length }),
    orders: fc.array(order, { minLength: 1_000, maxLength: 1_000, size: 'max' }),
  }),
  { seed, numRuns: 1 },
);
assert.ok(plan);

describe(`under fire (repeat with FAULT_SEED=${seed})`, function () {
  this.timeout(END_WITHIN_MS + 30_000);
  let stack: BreakableStack | undefined;
  let load: Load | undefined;
  let atRest: Facts | undefined;
  const facts = (): Facts => {
    assert.ok(atRest, 'the system did not come to rest');
    return atRest;
  };

  before(async function () {
    this.timeout(600_000);
    stack = await startBreakableStack({
      built: await build(),
      env: {
        INVENTORY_FAILURE_RATE: '0.2',
        PAYMENT_TIMEOUT_MS: '300',
        CARRIER_TIMEOUT_MS: '300',
        CARRIER_REFUSAL_RATE: '0.05',
        CARRIER_TIMEOUT_RATE: '0.1',
        CARRIER_LOSS_RATE: '0.05',
        CARRIER_DISPATCH_MS: '500',
        CARRIER_DELIVERY_MS: '500',
      },
    });
    await listProducts(
      stack.db,
      Object.entries(stock).map(([sku, onHand]) => ({ sku, onHand })),
    );
    const processes: BreakableProcess[] = ['command-api', 'query-api', 'worker', 'projector'];
    const running = stack.processes;
    await Promise.all(processes.map((name) => running.start(name)));
    load = startLoad(running.urls['command-api'], plan.orders, ORDER_EVERY_MS);
    await load.firstAnswer();
  });
  after(async () => {
    load?.abandon();
    await stack?.close();
  });

  plan.faults.forEach((fault, index) => {
    it(`survives: ${fault.name}`, async () => {
      assert.ok(stack && load);
      const { accepted } = load;
      const before = accepted.size;
      await fault.run(stack, plan.delays[index] ?? 0);
      await eventually(() => Promise.resolve(accepted.size > before || undefined), {
        what: 'orders are accepted again',
        withinMs: 30_000,
      });
    });
  });

  it('comes to rest: every order ends, the outbox is published and the views are current', async () => {
    assert.ok(stack && load);
    const { db, databaseUrl, natsUrl, streamName } = stack;
    await load.stop();
    const open = `
      select
        (select count(*) from orders.orders where status not in ('DELIVERED', 'CANCELLED', 'REFUNDED'))::integer as orders,
        (select count(*) from messaging.outbox where aggregate_type = 'order')::integer -
          (select coalesce(sum(version), 0) from read.order_summary)::integer as events,
        (select count(*) from inventory.stock s left join read.products p on p.sku = s.sku
          where p.stock_version is distinct from s.version)::integer as products`;
    await eventually(
      async () => {
        const { rows } = await db.raw<{ rows: [{ orders: number; events: number; products: number }] }>(open);
        const { orders, events, products } = rows[0];
        if (orders + events + products > 0)
          throw new Error(`still open: ${orders} orders, ${events} events, stock of ${products} products`);
        return true;
      },
      { what: 'everything has ended', withinMs: END_WITHIN_MS },
    );
    atRest = await readFacts({
      databaseUrl,
      natsUrl,
      stream: streamName,
      accepted: load.accepted,
      initialStock: new Map(Object.entries(stock)),
    });
    assert.ok(atRest.accepted.size > 100, `only ${atRest.accepted.size} orders were accepted`);
    for (const status of ['DELIVERED', 'CANCELLED', 'REFUNDED'])
      assert.ok(
        atRest.orders.some((order) => order.status === status),
        `no order is ${status}`,
      );
  });

  for (const [name, check] of Object.entries(invariants)) {
    it(name, () => {
      assert.deepEqual(check(facts()).slice(0, 20), []);
    });
  }

  for (const { what, invariant, plant } of planted) {
    it(`the checker sees ${what}`, () => {
      const check = Object.entries(invariants).find(([name]) => name.startsWith(`${invariant} `))?.[1];
      assert.ok(check);
      assert.notDeepEqual(check(plant(facts())), []);
    });
  }
});
