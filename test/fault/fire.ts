import assert from 'node:assert/strict';
import { settledWithin } from '../../dev/servers/child.ts';
import { build } from '../support/build.ts';
import {
  startBreakableStack,
  type BreakableProcess,
  type BreakableStack,
  type ServerName,
} from '../support/breakable-stack.ts';
import { eventually } from '../support/eventually.ts';
import { listProducts } from '../support/products.ts';
import { progress } from '../support/servers.ts';
import { MountRefusedError } from '../support/small-disk.ts';
import { readFacts, type Facts } from './checker/facts.ts';
import { invariants } from './checker/invariants.ts';
import { startLoad, type Load } from './load.ts';
import { APPROVAL_LIMIT_MINOR, PRICE_MINOR, stock, type PlannedOrder } from './orders.ts';
import { seed } from './seed.ts';

/** A stack that can be broken, and the orders that come in meanwhile. */
export interface Fire {
  readonly stack: BreakableStack;
  readonly load: Load;
}

export interface FireOptions {
  readonly orders: readonly PlannedOrder[];
  /** From one order to the next. */
  readonly everyMs: number;
  /** Settings over those below. */
  readonly env?: Readonly<Record<string, string>>;
  /** Servers whose disks can be filled, with their sizes in MB. */
  readonly disks?: Partial<Record<ServerName, number>>;
  /** How long everything may take to end once no more orders come in. */
  readonly endWithinMs: number;
  /** Invariants that these faults break by their nature. */
  readonly except?: readonly string[];
}

/** Deadlines that business sets are the defaults, in hours and days: no outage here is as long. */
const settings = {
  FAULT_DIALS: 'true',
  INVENTORY_FAILURE_RATE: '0.2',
  PAYMENT_TIMEOUT_MS: '300',
  CARRIER_TIMEOUT_MS: '300',
  CARRIER_REFUSAL_RATE: '0.05',
  CARRIER_TIMEOUT_RATE: '0.1',
  CARRIER_LOSS_RATE: '0.05',
  CARRIER_DISPATCH_MS: '500',
  CARRIER_DELIVERY_MS: '500',
  APPROVAL_LIMIT_MINOR: String(APPROVAL_LIMIT_MINOR),
  SAGA_WATCH_INTERVAL_MS: '10000',
  SAGA_ORPHAN_AFTER_MS: '10000',
};
const START_WITHIN_MS = 600_000;

/**
 * A suite that runs `faults` under a load of orders, and afterwards checks every invariant.
 * @param faults declares the tests that break something
 * @param afterwards declares more tests about what was left behind
 */
export function underFire(
  title: string,
  options: FireOptions,
  faults: (fire: () => Fire) => void,
  afterwards: (facts: () => Facts) => void = () => undefined,
): void {
  describe(`${title} (repeat with FAULT_SEED=${seed})`, function () {
    this.timeout(options.endWithinMs + 60_000);
    let fire: Fire | undefined;
    let atRest: Facts | undefined;
    const burning = (): Fire => {
      assert.ok(fire, 'the stack did not start');
      return fire;
    };
    const facts = (): Facts => {
      assert.ok(atRest, 'what was left behind could not be read');
      return atRest;
    };

    before(async function () {
      this.timeout(START_WITHIN_MS);
      try {
        fire = await light(options);
      } catch (error) {
        if (!(error instanceof MountRefusedError)) throw error;
        progress(`skipped: ${error.message}`);
        this.skip();
      }
    });
    after(async () => {
      fire?.load.abandon();
      await fire?.stack.close();
    });

    faults(burning);

    it('comes to rest: every order and saga ends, the outbox is published and the views are current', async () => {
      const { stack, load } = burning();
      try {
        const until = Date.now() + options.endWithinMs;
        if (!(await settledWithin(load.stop(), options.endWithinMs)))
          throw new Error('some requests have no final answer');
        await untilAtRest(stack, until - Date.now());
      } finally {
        // Also when time ran out: the invariants then say what is wrong with the orders that have not ended.
        atRest = await readFacts({ ...stack, ...load, initialStock: new Map(Object.entries(stock)) });
      }
    });

    for (const [name, check] of Object.entries(invariants)) {
      if (options.except?.some((number) => name.startsWith(`${number} `))) continue;
      it(name, () => {
        assert.deepEqual(check(facts()).slice(0, 20), []);
      });
    }
    afterwards(facts);
  });
}

/** Starts everything; resolves when the first order is accepted. */
async function light({ orders, everyMs, env, disks = {} }: FireOptions): Promise<Fire> {
  const stack = await startBreakableStack({ built: await build(), env: { ...settings, ...env }, disks });
  try {
    await listProducts(
      stack.db,
      Object.entries(stock).map(([sku, onHand]) => ({ sku, onHand, priceMinor: PRICE_MINOR })),
    );
    const { processes } = stack;
    const names: readonly BreakableProcess[] = ['command-api', 'query-api', 'worker', 'projector'];
    await Promise.all(names.map((name) => processes.start(name)));
    const { 'command-api': commandApi, 'query-api': queryApi } = processes.urls;
    const load = startLoad({ commandApi, queryApi, orders, everyMs });
    await load.firstAnswer();
    return { stack, load };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

const open = `
  select
    (select count(*) from orders.orders where status not in ('DELIVERED', 'CANCELLED', 'REFUNDED'))::integer as orders,
    (select count(*) from messaging.outbox where aggregate_type = 'order')::integer -
      (select coalesce(sum(version), 0) from read.order_summary)::integer as events,
    (select count(*) from inventory.stock s left join read.products p on p.sku = s.sku
      where p.stock_version is distinct from s.version)::integer as products`;
const RUNNING_SAGAS = "WorkflowType in ('orderSaga', 'shipmentSaga') and ExecutionStatus = 'Running'";

async function untilAtRest({ db, temporal }: BreakableStack, withinMs: number): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await db.raw<{ rows: [{ orders: number; events: number; products: number }] }>(open);
      const { orders, events, products } = rows[0];
      const { count: sagas } = await temporal.workflow.count(RUNNING_SAGAS);
      if (orders + events + products + sagas > 0)
        throw new Error(
          `still open: ${orders} orders, ${sagas} sagas, ${events} events, stock of ${products} products`,
        );
      return true;
    },
    { what: 'everything has ended', withinMs },
  );
}

/** Resolves when so many of the orders that come in from now on are accepted. */
export async function untilOrdersAreAccepted(
  { load: { accepted } }: Fire,
  withinMs = 30_000,
  orders = 1,
): Promise<void> {
  const wanted = accepted.size + orders;
  await eventually(() => Promise.resolve(accepted.size >= wanted || undefined), {
    what: `${orders} more orders are accepted`,
    withinMs,
  });
}
