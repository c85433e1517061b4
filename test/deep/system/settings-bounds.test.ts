import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { runEntryPoint } from '../../support/entry-point.ts';
import { getJson } from '../../support/http.ts';
import { place } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import type { ProcessName } from '../../support/processes.ts';
import { settingSchemas as schemas } from '../../../dev/setting-docs.ts';
import { extremesOf } from '../../support/settings.ts';
import { startSystem, type System } from '../../support/system.ts';

const schemaOf = {
  'command-api': schemas['command API'],
  'query-api': schemas['query API'],
  worker: schemas.worker,
  projector: schemas.projector,
} as const satisfies Record<ProcessName, object>;
const names = Object.keys(schemaOf) as ProcessName[];

/** Each of these alone keeps orders from getting anywhere, as it is meant to. */
const breaksOnPurpose = (name: string): boolean => name.endsWith('_RATE');

const tools = [
  ['db/migrate.main.ts', schemas['migration and rebuild']],
  ['dev/seed.main.ts', schemas['migration and rebuild']],
  ['projections/rebuild.main.ts', schemas['migration and rebuild'], '--check', 'all'],
  ['projections/parked.main.ts', schemas['migration and rebuild'], 'list'],
  ['db/outbox.main.ts', schemas['migration and rebuild'], 'status'],
  ['worker/sagas.main.ts', schemas['saga search'], 'orphans'],
  ['worker/audit.main.ts', schemas.audit],
] as const;

for (const end of ['least', 'most'] as const)
  describe(`with every setting at the ${end} that it takes`, function () {
    this.timeout(300_000);
    let system: System;

    const extremes = (schema: (typeof schemas)[keyof typeof schemas]): Record<string, string> =>
      Object.fromEntries(
        Object.entries(extremesOf(schema, end)).filter(
          ([name]) => name !== 'PORT' && !(end === 'most' && breaksOnPurpose(name)),
        ),
      );

    before(async () => {
      system = await startSystem({ processes: [] });
      for (const name of names) await system.start(name, { env: extremes(schemaOf[name]) });
      await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    });
    after(() => system.close());

    it('all processes become ready, carry an order to its end, and show it', async () => {
      const orderId = await place(system, {
        customerId: 'customer-1',
        lines: [{ sku: 'COFFEE', quantity: 2 }],
        paymentMethod: 'pm_card_visa',
      });
      const order = `${system.urls['query-api']}/orders/${orderId}`;
      // With deadlines of a second a busy machine may be too late for it.
      await eventually(
        async () => ['COMPLETED', 'CANCELLED'].includes((await getJson<{ status: string }>(order)).status),
        { what: 'the order has come to its end', withinMs: 120_000 },
      );
      const sales = `${system.urls['query-api']}/analytics/sales?from=2020-01-01&by=month&format=csv`;
      assert.equal((await fetch(sales)).status, 200);
    });

    for (const [entry, schema, ...args] of tools)
      it(`${entry} runs`, async () => {
        const { code, output } = await runEntryPoint(entry, args, {
          ...extremes(schema),
          ...system.ownerEnv,
        }).ended;
        // An audit may find an order that is under way.
        assert.ok(code === 0 || (code === 1 && entry.includes('audit')), `${code}\n${output}`);
      });
  });

describe('a setting that cannot be used', function () {
  this.timeout(120_000);
  const entries: readonly (readonly [entry: string, schema: object, ...args: string[]])[] = [
    ['api/command.main.ts', schemas['command API']],
    ['api/query.main.ts', schemas['query API']],
    ['worker/worker.main.ts', schemas.worker],
    ['projections/projector.main.ts', schemas.projector],
    ['dev/start.main.ts', schemas['`npm start`']],
    ['dev/token.main.ts', schemas['`npm start`'], '--role', 'admin'],
    ['dev/repl.main.ts', schemas['`npm start`']],
    ['worker/set-back.main.ts', schemas['set-back']],
    ...tools,
  ];
  for (const [entry, schema, ...args] of entries)
    it(`stops ${entry} at its start, which names it with its bounds`, async () => {
      const isStack = schema === schemas['`npm start`'];
      const [name, value] = isStack ? ['QUERY_API_PORT', '65536'] : ['DATABASE_POOL_SIZE', '1001'];
      const { code, output } = await runEntryPoint(entry, args, { [name]: value, AUTH_DEMO: 'true' }).ended;
      assert.notEqual(code, 0);
      assert.match(output, new RegExp(`${name}=${value}: must be a whole number from [12] to`));
      assert.doesNotMatch(output, /\n {4}at /);
    });
});
