import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { sagaCalls } from '../../../domain/saga-steps.ts';
import { dataConverter } from '../../../platform/temporal-data.ts';
import { eventually } from '../../support/eventually.ts';
import { leaksOf } from '../../support/everything-told.ts';
import { getJson, post } from '../../support/http.ts';
import { leaksIn } from '../../support/internal-text.ts';
import { place, type OrderView } from '../../support/orders.ts';
import { fileWithPlanted } from '../../support/planted-bundle.ts';
import { listProducts } from '../../support/products.ts';
import { temporalAddress, testDataDir } from '../../support/servers.ts';
import { startSystem, type System } from '../../support/system.ts';

interface LogEntry {
  readonly msg: string;
  readonly orderId?: string;
  readonly traceId?: string;
  readonly step?: string;
  readonly err?: { readonly message?: string };
  readonly temporal?: Readonly<Record<string, unknown>>;
}

const ended: readonly OrderStatus[] = ['DELIVERED', 'CANCELLED', 'REFUNDED'];
/** Needs two operators, and fails as the other steps that write the order. */
const notProvoked = ['requestWaiver'];

describe('while every step fails in every way', function () {
  this.timeout(240_000);
  let system: System;
  let connection: Connection;
  let client: Client;
  let orders: string[];
  /** Its workflow's code throws. */
  let defect: string;
  let failures: { readonly step: string; readonly kind: string; readonly workflowId: string }[];
  let log: LogEntry[];

  before(async function () {
    this.timeout(600_000);
    const dir = await testDataDir();
    const bundle = await fileWithPlanted(join(import.meta.dirname, 'planted/defect-in-saga.ts'));
    const failuresFile = join(dir, 'failing-steps.jsonl');
    await writeFile(failuresFile, '');

    system = await startSystem({
      processes: ['command-api', 'query-api', 'projector'],
      env: {
        TEMPORAL_UI_URL: 'https://temporal.example.com',
        APPROVAL_LIMIT_MINOR: '10000',
        SAGA_RETRY_PAUSE_MS: '10',
        SAGA_UNDO_ATTEMPTS: '3',
        PAYMENT_TIMEOUT_MS: '100',
        // A provider that never answers ends an order with it; longer than a step hangs and is repeated.
        PAYMENT_DEADLINE_MS: '40000',
        CARRIER_TIMEOUT_MS: '100',
        CARRIER_DISPATCH_MS: '100',
        CARRIER_DELIVERY_MS: '100',
        CARRIER_TIMEOUT_RATE: '0.5',
        CARRIER_REFUSAL_RATE: '0.4',
        CARRIER_LOSS_RATE: '0.3',
      },
    });
    await listProducts(system.db, [
      { sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 },
      { sku: 'MACHINE', priceMinor: 64_000, onHand: 1_000 },
      { sku: 'NONE', priceMinor: 500, onHand: 0 },
      { sku: 'DEFECT', priceMinor: 500, onHand: 10 },
    ]);
    await system.start('worker', {
      env: { FAILURES_FILE: failuresFile, WORKFLOW_BUNDLE: bundle },
      imports: ['./test/support/failing-steps.mjs'],
    });
    connection = await Connection.connect({ address: await temporalAddress() });
    client = new Client({ connection, namespace: system.namespace, dataConverter });

    const order: PlaceOrderRequest = {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
    };
    const times = (count: number, changes: Partial<PlaceOrderRequest>): Promise<string>[] =>
      Array.from({ length: count }, () => place(system, { ...order, ...changes }));
    const machine = [{ sku: 'MACHINE', quantity: 1 }];
    [defect = '', ...orders] = await Promise.all([
      ...times(1, { lines: [{ sku: 'DEFECT', quantity: 1 }] }),
      ...times(12, {}),
      ...times(4, { paymentMethod: 'pm_card_declined' }),
      ...times(4, { paymentMethod: 'pm_timeout_before' }),
      ...times(4, { paymentMethod: 'pm_timeout_after' }),
      ...times(4, { lines: [{ sku: 'NONE', quantity: 1 }] }),
      ...times(4, { lines: machine }),
      ...times(4, { lines: machine, customerId: 'customer-2' }),
    ]);
    await untilAllHaveEnded();
    failures = (await readFile(failuresFile, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as (typeof failures)[number]);
    log = await system.logOf('worker');
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  /** Acts as the operators do: approves or rejects what waits for it, and retries what is stuck. */
  async function untilAllHaveEnded(): Promise<void> {
    const { urls } = system;
    const open = new Set(orders);
    await eventually(
      async () => {
        for (const id of open) {
          const view = await getJson<OrderView & { approval: string; customerId: string }>(
            `${urls['query-api']}/orders/${id}`,
          );
          if (ended.includes(view.status)) open.delete(id);
          if (view.approval !== 'REQUESTED') continue;
          const decision = view.customerId === 'customer-2' ? 'reject' : 'approve';
          await post(`${urls['command-api']}/orders/${id}/approval`, { decision, reason: 'as agreed' });
        }
        const stuck = await getJson<{ groups: { cause: string }[] }>(
          `${urls['query-api']}/operations/sagas?state=stuck`,
        );
        for (const { cause } of stuck.groups)
          await post(`${urls['command-api']}/operations/sagas/resolve`, {
            cause,
            action: 'retry',
            reason: 'the database is back',
          });
        return open.size === 0 || undefined;
      },
      { what: 'all orders have ended', withinMs: 180_000 },
    );
  }

  it('each step was made to fail in each way, and most were made to hang', () => {
    const kindsOf = (step: string): string[] =>
      [...new Set(failures.filter((failure) => failure.step === step).map(({ kind }) => kind))].sort();
    const all = ['postgres', 'refused', 'terminated', 'text'];
    const missing = Object.keys(sagaCalls)
      .filter((step) => !notProvoked.includes(step))
      .flatMap((step) => {
        const kinds = kindsOf(step);
        return all.filter((kind) => !kinds.includes(kind)).map((kind) => `${step}: ${kind}`);
      });
    assert.deepEqual(missing, []);
    const hung = new Set(failures.filter(({ kind }) => kind === 'hangs').map(({ step }) => step));
    assert.ok(hung.size >= 12, `only ${[...hung].join()} hung`);
  });

  it('nothing that leaves a process holds SQL, stack traces, paths or addresses', async () => {
    assert.deepEqual(await leaksOf(system, client, [...orders, defect]), []);
  });

  it('the log holds what the errors said, with order, trace and step', () => {
    const isTechnical = ({ msg, traceId = '', err }: LogEntry): boolean =>
      msg === 'a step failed' && /^[0-9a-f]{32}$/.test(traceId) && leaksIn(err?.message ?? '').length > 0;
    const logged = new Set(
      log.filter(isTechnical).map(({ orderId = '', step = '' }) => `${orderId} ${step}`),
    );
    const missing = failures
      .filter(({ kind }) => kind !== 'hangs')
      .filter(
        ({ step, workflowId }) => !logged.has(`${workflowId.replace(/^(order|shipment)-/, '')} ${step}`),
      );
    assert.deepEqual(missing, []);
  });

  it('the log holds what a defect in workflow code said, with its workflow', () => {
    const entry = log.find(({ msg }) => msg === 'workflow code failed');
    assert.equal(entry?.temporal?.['workflowId'], `order-${defect}`);
    assert.match(entry.err?.message ?? '', /select a from orders\.orders/);
  });

  it('no log entry has an error without a message', () => {
    assert.deepEqual(
      log.filter(({ err }) => err && !err.message),
      [],
    );
  });
});
