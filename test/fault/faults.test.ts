import assert from 'node:assert/strict';
import fc from 'fast-check';
import { invariants } from './checker/invariants.ts';
import { planted } from './checker/planted.ts';
import { quickFaults } from './faults/quick.ts';
import { underFire, untilOrdersAreAccepted } from './fire.ts';
import { plannedOrder, withAnsweredCard } from './orders.ts';
import { seed } from './seed.ts';

/** Some 1.2 orders per second: what a slow machine with two cores finishes beside the backlog of each outage. */
const ORDER_EVERY_MS = 800;
/** Longer than all outages that may follow each other at once; orders whose provider never answers end with it. */
const PAYMENT_DEADLINE_MS = 360_000;
/** Orders of the first minute: they end before the others have. */
const UNANSWERED_WITHIN = 75;
const FAULT_WITHIN_MS = 240_000;

const [plan] = fc.sample(
  fc.record({
    faults: fc.shuffledSubarray([...quickFaults], { minLength: quickFaults.length }),
    delays: fc.array(fc.nat(2_000), { minLength: quickFaults.length, maxLength: quickFaults.length }),
    orders: fc.array(plannedOrder, { minLength: 3_000, maxLength: 3_000, size: 'max' }),
  }),
  { seed, numRuns: 1 },
);
assert.ok(plan);

underFire(
  'under fire',
  {
    orders: plan.orders.map((order, index) => (index < UNANSWERED_WITHIN ? order : withAnsweredCard(order))),
    everyMs: ORDER_EVERY_MS,
    env: { PAYMENT_DEADLINE_MS: String(PAYMENT_DEADLINE_MS) },
    endWithinMs: 240_000,
  },
  (fire) => {
    plan.faults.forEach((fault, index) => {
      it(`survives: ${fault.name}`, async function () {
        this.timeout(FAULT_WITHIN_MS);
        await fault.run(fire(), plan.delays[index] ?? 0);
        await untilOrdersAreAccepted(fire());
      });
    });
  },
  (facts) => {
    it('enough happened: many orders, and each end that an order can have', () => {
      assert.ok(facts().accepted.size > 100, `only ${facts().accepted.size} orders were accepted`);
      for (const status of ['DELIVERED', 'CANCELLED', 'REFUNDED'])
        assert.ok(
          facts().orders.some((order) => order.status === status),
          `no order is ${status}`,
        );
    });

    for (const { what, invariant, plant } of planted) {
      it(`the checker sees ${what}`, () => {
        const check = Object.entries(invariants).find(([name]) => name.startsWith(`${invariant} `))?.[1];
        assert.ok(check);
        assert.notDeepEqual(check(plant(facts())), check(facts()));
      });
    }
  },
);
