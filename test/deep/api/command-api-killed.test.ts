import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../../dev/servers/free-port.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { post } from '../../support/http.ts';
import { createProcesses, type Processes } from '../../support/processes.ts';
import { listProducts } from '../../support/products.ts';
import { testDataDir } from '../../support/servers.ts';

const instances = ['first', 'second'] as const;
type Instance = (typeof instances)[number];

const RETRY_MS = 20;
const CLIENTS_PER_KEY = 3;
const KILLS = 4;
const AT_ONCE = 40;

// The whole process as deployed, two of them on one database, with clients that repeat until they are answered.
describe('command APIs that are killed while clients repeat themselves', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let processes: Processes<Instance>;

  before(async () => {
    database = await createTestDatabase();
    await listProducts(database.db, [{ sku: 'COFFEE', onHand: 10 }]);
    processes = await createProcesses<Instance>(
      { first: 'api/command.main', second: 'api/command.main' },
      {
        env: {
          DATABASE_URL: database.url,
          // Nothing is there; orders are accepted without it.
          NATS_URL: `nats://127.0.0.1:${await freePort()}`,
          AUTH_DEMO: 'true',
          RATE_LIMIT_PER_MINUTE: '0',
          LOG_LEVEL: 'error',
        },
        logDir: join(await testDataDir(), 'logs', 'command-api-killed'),
      },
    );
    await Promise.all(instances.map((name) => processes.start(name)));
  });
  after(async () => {
    await processes.stopAll();
    await database.drop();
  });

  const order = {
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 1 }],
    paymentMethod: 'pm_card_visa',
  };

  /** Sends an order until it is accepted, to one instance and then the other. @returns the answer's order id. */
  async function insist(key: string, from: number): Promise<string> {
    for (let attempt = from; ; attempt++) {
      const url = processes.urls[instances[attempt % instances.length]!];
      const response = await post(`${url}/orders`, order, { 'Idempotency-Key': key }).catch(() => undefined);
      const text = await response?.text().catch(() => undefined);
      if (response?.status === 202 && text !== undefined)
        return (JSON.parse(text) as { orderId: string }).orderId;
      if (response && response.status < 500 && response.status !== 409 && response.status !== 202)
        throw new Error(`refused with ${response.status}: ${text ?? ''}`);
      await pause(RETRY_MS);
    }
  }

  it('every key gets one order, which is there, and all its clients are told the same', async () => {
    const told = new Map<string, Set<string>>();
    let keys = 0;
    let isOver = false;
    const failures: unknown[] = [];
    const lane = async (): Promise<void> => {
      while (!isOver) {
        const key = `key-${keys++}`;
        const ids = await Promise.all(
          Array.from({ length: CLIENTS_PER_KEY }, (_, client) => insist(key, client)),
        );
        told.set(key, new Set(ids));
      }
    };
    const lanes = Promise.all(
      Array.from({ length: AT_ONCE }, () => lane().catch((error: unknown) => failures.push(error))),
    );
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = instances[kill % instances.length]!;
      const before = told.size;
      await eventually(() => Promise.resolve(told.size > before + AT_ONCE || undefined), {
        what: 'orders are accepted again',
      });
      await processes.kill(victim);
      await processes.start(victim);
    }
    isOver = true;
    await lanes;
    assert.deepEqual(failures, []);

    const { rows } = await database.db.raw<{ rows: { key: string; order_id: string; exists: boolean }[] }>(
      `select k.key, k.order_id, o.id is not null as exists
       from orders.idempotency_keys k full join orders.orders o on o.id = k.order_id`,
    );
    assert.equal(rows.length, told.size);
    for (const { key, order_id, exists } of rows) {
      assert.ok(exists, `the order of ${key} is not there`);
      assert.deepEqual([...(told.get(key) ?? [])], [order_id], key);
    }
  });
});
