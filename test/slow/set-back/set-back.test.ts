import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shardsAhead } from '../../../db/outbox/ahead.ts';
import { OUTBOX_SCHEMA } from '../../../db/migrations/0002-outbox.ts';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import { createTopology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { streamState } from '../../../messaging/stream.ts';
import { auditSystem, driftOf, runAudit } from '../../support/audit.ts';
import { startBreakableStack, type BreakableStack } from '../../support/breakable-stack.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post } from '../../support/http.ts';
import { testMessaging } from '../../support/messaging.ts';
import { place } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { runSetBack } from '../../support/set-back-command.ts';
import { copyPostgresFiles, restorePostgresFiles } from '../../support/set-back.ts';

const order = (quantity: number): PlaceOrderRequest => ({
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity }],
  paymentMethod: 'pm_card_visa',
});
/** Above the limit, so that it waits for a person. */
const dear = order(100);

describe('a database whose older copy was put back', function () {
  this.timeout(300_000);
  let stack: BreakableStack;
  let messaging: Messaging;
  const topology = createTopology();

  before(async function () {
    this.timeout(600_000);
    stack = await startBreakableStack({
      env: { APPROVAL_LIMIT_MINOR: '50000', CARRIER_DISPATCH_MS: '3600000' },
    });
    for (const name of ['command-api', 'query-api', 'worker', 'projector'] as const)
      await stack.processes.start(name);
    messaging = await testMessaging(stack.natsUrl);
    await listProducts(stack.db, [{ sku: 'COFFEE', priceMinor: 1_000, onHand: 10_000 }]);
  });
  after(async () => {
    await messaging.close();
    await stack.close();
  });

  const ownerEnv = (): Record<string, string> => ({
    DATABASE_URL: stack.databaseUrl,
    NATS_URL: stack.natsUrl,
    TEMPORAL_ADDRESS: stack.temporalAddress,
  });
  const placeOrder = (request: PlaceOrderRequest): Promise<string> => place(stack.processes, request);
  const rowOf = (id: string): Promise<Record<string, unknown> | undefined> =>
    stack.db('orders.orders').where({ id }).first();

  async function untilRow(id: string, fields: Readonly<Record<string, string>>): Promise<void> {
    await eventually(
      async () =>
        (
          await stack
            .db('orders.orders')
            .where({ id, ...fields })
            .pluck<string[]>('id')
        )[0],
      { what: `order ${id} is ${JSON.stringify(fields)}`, withinMs: 90_000 },
    );
  }
  const untilBooked = (id: string): Promise<void> => untilRow(id, { shipment: 'BOOKED' });
  async function placeAndRun(): Promise<string> {
    const id = await placeOrder(order(2));
    await untilBooked(id);
    return id;
  }
  const lastSequence = async (): Promise<number> =>
    (await streamState(messaging.require(), topology.stream))?.lastSequence ?? 0;
  /** All that is committed is in the stream and in the views. */
  async function untilShown(): Promise<void> {
    await auditSystem({ db: stack.db, topology }, messaging);
  }

  interface Lost {
    readonly missing: string;
    readonly behind: string;
    readonly rows: Readonly<Record<string, unknown>>;
    readonly stock: unknown;
  }

  /** Copies the database, lets one order come and another one go on, and puts the copy back. */
  async function setBack(): Promise<Lost> {
    const behind = await placeOrder(dear);
    await untilRow(behind, { approval: 'REQUESTED' });
    await untilShown();
    await stack.stopServer('postgres');
    await copyPostgresFiles(stack.dirOf('postgres'));
    await stack.startServer('postgres');

    const missing = await placeAndRun();
    const approved = await post(`${stack.processes.urls['command-api']}/orders/${behind}/approval`, {
      decision: 'approve',
      reason: 'a good customer',
    });
    assert.ok(approved.ok, await approved.text());
    await untilBooked(behind);
    await untilShown();
    const rows = { [missing]: await rowOf(missing), [behind]: await rowOf(behind) };
    const stock: unknown = await stack.db('inventory.stock').where({ sku: 'COFFEE' }).first();

    await stack.stopServer('postgres');
    await restorePostgresFiles(stack.dirOf('postgres'));
    await stack.startServer('postgres');
    await eventually(
      async () => ((await shardsAhead(stack.db, { schema: OUTBOX_SCHEMA })).length > 0 ? true : undefined),
      { what: 'a relay says that the stream is ahead', withinMs: 60_000 },
    );
    return { missing, behind, rows, stock };
  }

  async function readiness(): Promise<{ status: number; checks: Record<string, string> }> {
    const response = await fetch(`${stack.processes.urls.worker}/readyz`);
    const { checks } = (await response.json()) as { checks: Record<string, string> };
    return { status: response.status, checks };
  }

  /** New orders run to their end, and are shown. */
  async function assertWorks(): Promise<void> {
    const id = await placeAndRun();
    await eventually(
      async () => {
        const view = await getJson<{ status: string }>(`${stack.processes.urls['query-api']}/orders/${id}`);
        return view.status === 'COMPLETED' || undefined;
      },
      { what: 'a new order is shown' },
    );
  }

  it('says that the stream is ahead, publishes nothing, and goes on with what is taken back from the stream', async () => {
    const lost = await setBack();
    await eventually(async () => ((await readiness()).status === 503 ? true : undefined), {
      what: 'the worker is not ready',
    });
    assert.equal((await readiness()).checks['outbox'], 'the stream is ahead of the database');
    const metrics = await (await fetch(`${stack.processes.urls.worker}/metrics`)).text();
    assert.match(metrics, /^outbox_stream_ahead\{[^}]*shard="\d"[^}]*\} 1$/m);
    const logged = await stack.processes.logOf('worker');
    assert.ok(logged.some(({ msg }) => msg.startsWith('the stream is ahead of the database')));
    assert.ok(!logged.some(({ msg }) => msg.includes('lost messages')), 'the stream was blamed');

    const found = await runAudit(ownerEnv(), '--repair');
    assert.notEqual(found.code, 0);
    assert.match(
      found.stdout + found.stderr,
      /the stream is ahead of the database[^]*npm run set-back -- status/,
    );
    assert.doesNotMatch(found.stdout + found.stderr, /audit -- --repair/);

    const status = await runSetBack(ownerEnv(), 'status');
    assert.equal(status.code, 1, status.output);
    assert.match(status.output, new RegExp(`MISSING order ${lost.missing}: no row`));
    assert.match(status.output, new RegExp(`BEHIND order ${lost.behind}: row at version`));

    const unconfirmed = await runSetBack(ownerEnv(), 'take-back');
    assert.equal(unconfirmed.code, 2, unconfirmed.output);
    assert.equal(await rowOf(lost.missing), undefined);

    const file = join(stack.dirOf('nats'), 'lost.jsonl');
    const done = await runSetBack(ownerEnv(), 'take-back', '--yes', '--save', file);
    assert.equal(done.code, 0, done.output);
    assert.match(await readFile(file, 'utf8'), new RegExp(lost.missing));
    for (const [id, before] of Object.entries(lost.rows))
      assert.deepEqual(withoutTimes(await rowOf(id)), withoutTimes(before), `order ${id} is not what it was`);
    assert.deepEqual(await stack.db('inventory.stock').where({ sku: 'COFFEE' }).first(), lost.stock);

    await assertWorks();
    const drift = driftOf(await auditSystem({ db: stack.db, topology }, messaging));
    assert.deepEqual(Object.keys(drift), ['provider-books', 'carrier-books'], JSON.stringify(drift));
    const again = await runSetBack(ownerEnv(), 'status');
    assert.equal(again.code, 0, again.output);
    assert.equal((await readiness()).status, 200);
  });

  it('goes on from what the database knows, with views that show nothing else', async () => {
    const lost = await setBack();
    const before = await lastSequence();
    const accepted = await placeOrder(order(1));
    const file = join(stack.dirOf('nats'), 'lost-again.jsonl');
    assert.equal(await lastSequence(), before, 'something was published');
    const done = await runSetBack(ownerEnv(), 'publish-from-here', '--yes', '--save', file);
    assert.equal(done.code, 0, done.output);

    assert.equal(await rowOf(lost.missing), undefined);
    assert.equal(await stack.db('read.order_summary').where({ order_id: lost.missing }).first(), undefined);
    await untilBooked(accepted);
    await assertWorks();
    const drift = driftOf(await auditSystem({ db: stack.db, topology }, messaging));
    assert.deepEqual(Object.keys(drift), ['provider-books', 'carrier-books'], JSON.stringify(drift));
  });
});

/** Times of rows are those of the events, which are a moment older. */
const withoutTimes = (row: unknown): object => {
  const times = ['placed_at', 'updated_at', 'undo_began_at'];
  return Object.fromEntries(Object.entries(row ?? {}).filter(([column]) => !times.includes(column)));
};
