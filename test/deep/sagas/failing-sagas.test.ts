import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { readAlerts } from '../../support/alerts.ts';
import { defective, failingRelease, placeRecorded, untilFailing } from '../../support/failing-release.ts';
import { getJson, post } from '../../support/http.ts';
import { catalogue, goodOrder, metricOf, untilOrder } from '../../support/lost-sagas.ts';
import { place } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

interface LogEntry {
  readonly msg: string;
  readonly orderId?: string;
  readonly cause?: string;
  readonly advice?: string;
}

describe('a release whose workflow code fails', function () {
  this.timeout(180_000);
  let system: System;
  let connection: Connection;
  let client: Client;
  /** Its saga began under the release before. */
  let waiting: string;
  let broken: string;

  before(async function () {
    this.timeout(600_000);
    const release = await failingRelease();
    system = await startSystem({ env: { SAGA_WATCH_INTERVAL_MS: '2000' } });
    connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, [...catalogue, defective]);
    waiting = await placeRecorded(system, client);
    await system.stop('worker');
    await system.start('worker', { env: { WORKFLOW_BUNDLE: release } });
    broken = await place(system, { ...goodOrder, lines: [{ sku: defective.sku, quantity: 1 }] });
    // Something for the other one to do.
    void post(`${system.urls['command-api']}/orders/${waiting}/approval`, {
      decision: 'approve',
      reason: 'known customer',
    });
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  it('is seen within a minute in the list, with cause, step and attempts', async () => {
    const items = await untilFailing(system.urls['query-api'], [waiting, broken]);
    const ofOrder = (id: string) => items.find(({ orderId }) => orderId === id);
    const { cause, step, saga, workflowId } = ofOrder(broken)!;
    assert.deepEqual(
      [workflowId, saga, step, cause],
      [orderWorkflowId(broken), 'order', 'reserve inventory', 'WORKFLOW_BUG'],
    );
    assert.deepEqual(
      [ofOrder(waiting)?.step, ofOrder(waiting)?.cause],
      ['wait for approval', 'NONDETERMINISM'],
    );
    assert.ok(items.every(({ attempts, ageSeconds }) => attempts! >= 2 && ageSeconds < 60));
  });

  it('is seen in the metrics, in the log and in what /readyz says of a worker that stays ready', async () => {
    const { worker } = system.urls;
    for (const cause of ['WORKFLOW_BUG', 'NONDETERMINISM'])
      assert.equal(await metricOf(worker, 'sagas_failing', `cause="${cause}"`), 1, cause);
    const { status, degraded } = await getJson<{ status: string; degraded: Record<string, string> }>(
      `${worker}/readyz`,
    );
    assert.equal(status, 'ready');
    assert.match(
      degraded['sagas'] ?? '',
      /^sagas fail in their workflow code: 1 with NONDETERMINISM, 1 with WORKFLOW_BUG;/,
    );
    const told = ((await system.logOf('worker')) as LogEntry[]).filter(
      ({ msg }) => msg === 'the workflow task of a saga fails again and again',
    );
    assert.deepEqual(told.map(({ orderId }) => orderId).sort(), [waiting, broken].sort());
    assert.match(told.find(({ orderId }) => orderId === waiting)?.advice ?? '', /npm run replay/);
  });

  it('sets off alerts whose metrics the worker exports', async () => {
    const exported = await (await fetch(`${system.urls.worker}/metrics`)).text();
    const alerts = await readAlerts(["A saga's workflow code fails", 'A saga is slow']);
    assert.deepEqual(alerts.map(({ alert }) => alert).sort(), [
      'SagasFailing',
      'SagasNotExamined',
      'SagasSlow',
      'WorkflowTasksFail',
    ]);
    for (const { alert, metrics } of alerts)
      for (const metric of metrics) assert.ok(exported.includes(`# TYPE ${metric} `), `${alert}: ${metric}`);
  });

  it('is gone from list, metrics and /readyz once the release before is back, and both orders go on', async () => {
    await system.stop('worker');
    await system.start('worker');
    await untilFailing(system.urls['query-api'], []);
    assert.equal(await metricOf(system.urls.worker, 'sagas_failing', 'cause="WORKFLOW_BUG"'), 0);
    const { degraded } = await getJson<{ degraded: object }>(`${system.urls.worker}/readyz`);
    assert.ok(!('sagas' in degraded));
    for (const id of [waiting, broken])
      await untilOrder(system, id, 'is completed', ({ status }) => status === 'COMPLETED');
  });
});
