import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import { startBreakableStack, type BreakableStack, type ServerName } from '../../support/breakable-stack.ts';
import { build } from '../../support/build.ts';
import { getJson } from '../../support/http.ts';
import { assertBalanced, place, untilStatus } from '../../support/orders.ts';
import { createProcesses, entryPoints, type Processes, type ProcessName } from '../../support/processes.ts';
import { listProducts } from '../../support/products.ts';
import { testDataDir } from '../../support/servers.ts';

const order: PlaceOrderRequest = {
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity: 2 }],
  paymentMethod: 'pm_card_visa',
};
const fastCarrier = { CARRIER_DISPATCH_MS: '100', CARRIER_DELIVERY_MS: '100' };
const all = Object.keys(entryPoints) as ProcessName[];

describe('independent deployment of the built processes', function () {
  this.timeout(180_000);
  let stack: BreakableStack;
  let built: string;

  before(async function () {
    this.timeout(600_000);
    built = await build();
    stack = await startBreakableStack({ built, env: fastCarrier });
    await listProducts(stack.db, [{ sku: 'COFFEE', onHand: 10_000 }]);
  });
  after(() => stack.close());

  describe('each with only its own settings', () => {
    let processes: Processes<ProcessName>;
    const settings = (): Record<ProcessName, Record<string, string>> => {
      const { databaseUrl: DATABASE_URL, natsUrl: NATS_URL, temporalAddress: TEMPORAL_ADDRESS } = stack;
      return {
        'command-api': { DATABASE_URL, AUTH_DEMO: 'true' },
        'query-api': { READ_DATABASE_URL: DATABASE_URL, AUTH_DEMO: 'true' },
        worker: { DATABASE_URL, NATS_URL, TEMPORAL_ADDRESS, ...fastCarrier },
        projector: { READ_DATABASE_URL: DATABASE_URL, NATS_URL },
      };
    };
    before(async () => {
      const logDir = join(await testDataDir(), 'logs', 'alone');
      processes = await createProcesses(entryPoints, { built, logDir, env: {} });
    });
    after(() => processes.stopAll());

    it('starts alone; an order that was accepted when nothing else ran ends when the others come', async () => {
      await processes.start('command-api', { env: settings()['command-api'] });
      const id = await place(processes, order);
      await processes.stop('command-api');

      await processes.start('query-api', { env: settings()['query-api'] });
      await getJson(`${processes.urls['query-api']}/products`);

      await processes.start('worker', { env: settings().worker });
      await processes.stop('worker');
      await processes.start('projector', { env: settings().projector });
      await processes.stop('projector');

      await Promise.all([
        processes.start('worker', { env: settings().worker }),
        processes.start('projector', { env: settings().projector }),
      ]);
      const [view] = await untilStatus(processes, [id], ['DELIVERED']);
      assert.equal(view?.orderId, id);
    });
  });

  describe('with one of them down', () => {
    before(() => Promise.all(all.map((name) => stack.processes.start(name))));

    /** Takes it down. @returns how to bring it back. */
    async function takeDown(name: ProcessName | ServerName): Promise<() => Promise<void>> {
      if (name === 'postgres' || name === 'nats' || name === 'temporal') {
        await stack.killServer(name);
        return () => stack.startServer(name);
      }
      await stack.processes.kill(name);
      return () => stack.processes.start(name);
    }

    for (const name of [...all, 'nats', 'temporal'] as const) {
      const promises = [
        ...(name === 'query-api' ? [] : ['queries answer']),
        ...(name === 'command-api' ? [] : ['orders are accepted, and end when it is back']),
      ];
      it(`without ${name}: ${promises.join('; ')}`, async () => {
        const { processes } = stack;
        const bringBack = await takeDown(name);
        const ids: string[] = [];
        try {
          if (name !== 'query-api') {
            const queries = ['/products', '/orders', '/analytics/sales'];
            for (const path of queries) await getJson(`${processes.urls['query-api']}${path}`);
          }
          if (name !== 'command-api')
            for (let count = 0; count < 5; count++) ids.push(await place(processes, order));
        } finally {
          await bringBack();
        }
        await untilStatus(processes, ids, ['DELIVERED'], 120_000);
      });
    }

    it('and in the end money and stock add up', async () => {
      await assertBalanced(stack.db);
    });
  });
});
