import assert from 'node:assert/strict';
import fc from 'fast-check';
import { eventually } from '../support/eventually.ts';
import { newerBundleFile, runDeployment, sagaRuns, versionEnv } from '../support/versioned-workers.ts';
import { underFire, untilOrdersAreAccepted, type Fire } from '../fault/fire.ts';
import { plannedOrder, withAnsweredCard } from '../fault/orders.ts';
import { seed } from '../fault/seed.ts';

const ORDER_EVERY_MS = 500;
/** Orders that come in between two changes of what gets new work. */
const ORDERS_BETWEEN = 15;

const [orders] = fc.sample(fc.array(plannedOrder, { minLength: 1_000, maxLength: 1_000, size: 'max' }), {
  seed,
  numRuns: 1,
});
assert.ok(orders);

underFire(
  'a rolling deployment under load',
  {
    orders: orders.map(withAnsweredCard),
    everyMs: ORDER_EVERY_MS,
    env: versionEnv('old'),
    endWithinMs: 240_000,
  },
  (fire) => {
    const deploy = async ({ stack }: Fire, ...args: string[]): Promise<void> => {
      const { code, output } = await runDeployment({ TEMPORAL_ADDRESS: stack.temporalAddress }, ...args);
      assert.equal(code, 0, output);
      await untilOrdersAreAccepted(fire(), 120_000, ORDERS_BETWEEN);
    };

    it('begins with one version', () => deploy(fire(), 'set-current', 'old'));

    it('a newer one, which cannot replay its order sagas, ramps up beside it', async () => {
      await fire().stack.processes.start('second-worker', {
        env: versionEnv('new', await newerBundleFile()),
      });
      await deploy(fire(), 'ramp', '10', 'new');
      await deploy(fire(), 'ramp', '50', 'new');
      await deploy(fire(), 'set-current', 'new');
    });

    it('the old worker is killed and comes back', async () => {
      const { processes } = fire().stack;
      await processes.kill('worker');
      await untilOrdersAreAccepted(fire(), 60_000, ORDERS_BETWEEN);
      await processes.start('worker');
    });

    it('goes back, and forward once more', async () => {
      await deploy(fire(), 'ramp', '50', 'old');
      await deploy(fire(), 'set-current', 'old');
      await deploy(fire(), 'set-current', 'new');
    });

    it('no order saga has met two versions, and none was replayed wrongly', async () => {
      const both = await eventually(
        async () => {
          const runs = await sagaRuns(fire().stack.temporal);
          return runs.some(({ builds }) => builds.includes('new')) ? runs : undefined;
        },
        { what: 'sagas have run on the new version' },
      );
      const orderSagas = both.filter(({ workflowType }) => workflowType === 'orderSaga');
      assert.deepEqual(
        orderSagas.filter(({ builds }) => builds.length > 1),
        [],
      );
      assert.deepEqual(
        both.filter(({ failures }) => failures.some((failure) => /nondeterminism/i.test(failure))),
        [],
      );
    });
  },
  (facts) => {
    it('enough happened', () => {
      assert.ok(
        facts().accepted.size > 5 * ORDERS_BETWEEN,
        `only ${facts().accepted.size} orders were accepted`,
      );
    });
  },
);
