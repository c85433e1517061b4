import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { dataConverter } from '../../../platform/temporal-data.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post } from '../../support/http.ts';
import { catalogue, goodOrder, placeWaiting } from '../../support/lost-sagas.ts';
import { assertBalanced, place, untilStatus } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';
import {
  newerBundleFile,
  runDeployment,
  sagaRuns,
  untilOrdersRunOn,
  versionEnv,
} from '../../support/versioned-workers.ts';

const ORDER_EVERY_MS = 400;

describe('a rolling deployment of workers whose order sagas cannot replay each other', function () {
  this.timeout(120_000);
  let system: System;
  let connection: Connection;
  let client: Client;
  const placed: string[] = [];
  const stopped = new AbortController();
  let load = Promise.resolve();

  before(async function () {
    this.timeout(600_000);
    const newer = await newerBundleFile();
    system = await startSystem({
      env: { PAYMENT_LATENCY_MS: '200', CARRIER_DISPATCH_MS: '3000', CARRIER_DELIVERY_MS: '3000' },
      processes: ['command-api', 'query-api', 'projector'],
    });
    await listProducts(system.db, catalogue);
    await system.start('worker', { env: versionEnv('old') });
    await system.start('second-worker', { env: versionEnv('new', newer) });
    connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    client = new Client({ connection, namespace: system.namespace, dataConverter });
  });
  after(async () => {
    stopped.abort();
    await load;
    await connection.close();
    await system.close();
  });

  const deploy = async (...args: string[]): Promise<string> => {
    const { code, output } = await runDeployment(system.ownerEnv, ...args);
    assert.equal(code, 0, output);
    return output;
  };
  const placeOrders = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      placed.push(await place(system, goodOrder));
      await pause(ORDER_EVERY_MS);
    }
  };
  const approve = async (id: string): Promise<void> => {
    const answer = await post(`${system.urls['command-api']}/orders/${id}/approval`, {
      decision: 'approve',
      reason: 'known customer',
    });
    assert.equal(answer.status, 202);
    placed.push(id);
  };
  let onOld = '';
  let onNew = '';

  it('a version gets no work before it is current, and its worker says so', async () => {
    const { degraded } = await eventually(
      async () => {
        const state = await getJson<{ degraded: Record<string, string> }>(`${system.urls.worker}/readyz`);
        return state.degraded['deployment'] === undefined ? undefined : state;
      },
      { what: 'the worker says that its version waits' },
    );
    assert.match(degraded['deployment'] ?? '', /version old .* gets no work until npm run deployment/);
    assert.equal((await runDeployment(system.ownerEnv, 'set-current', 'other')).code, 1);
    assert.match(await deploy('set-current', 'old'), /100 % version old/);
    load = placeOrders();
    await untilOrdersRunOn(client, 'old');
    // Both workers start sagas, and the one that waits runs none of those that it has started.
    const builds = (await sagaRuns(client)).flatMap((run) => run.builds);
    assert.deepEqual([...new Set(builds)], ['old']);
    onOld = await placeWaiting(system);
  });

  it('gets its share of new work while it ramps, and all of it once it is current', async () => {
    assert.match(await deploy('ramp', '50', 'new'), /50 % version new/);
    await untilOrdersRunOn(client, 'new');
    await deploy('set-current', 'new');
    await untilOrdersRunOn(client, 'new');
    onNew = await placeWaiting(system);
  });

  it('order sagas stay with their version, which does not drain while one of them waits', async () => {
    const { code, output } = await runDeployment(system.ownerEnv, 'drain', 'old', '--within', '1');
    assert.equal(code, 1, output);
    assert.match(output, new RegExp(`such as .*${orderWorkflowId(onOld)}`));
    await approve(onOld);
  });

  it('goes back: the version before gets all new work again', async () => {
    await deploy('set-current', 'old');
    await untilOrdersRunOn(client, 'old');
    await approve(onNew);
  });

  it('nothing is lost or replayed wrongly: every order ends, money and stock balance', async () => {
    stopped.abort();
    await load;
    await untilStatus(system, placed, ['DELIVERED'], 60_000);
    await assertBalanced(system.db);
    const runs = await sagaRuns(client);
    assert.deepEqual(
      runs.flatMap(({ workflowId, failures }) => failures.map((failure) => `${workflowId}: ${failure}`)),
      [],
    );
    const orders = runs.filter(({ workflowType }) => workflowType === 'orderSaga');
    assert.equal(orders.length, placed.length);
    assert.deepEqual(
      orders.filter(({ builds }) => builds.length !== 1),
      [],
    );
    const buildOf = (id: string): readonly string[] | undefined =>
      orders.find(({ workflowId }) => workflowId === orderWorkflowId(id))?.builds;
    assert.deepEqual([buildOf(onOld), buildOf(onNew)], [['old'], ['new']]);
    const moved = runs.filter(
      ({ workflowType, builds }) => workflowType === 'shipmentSaga' && builds.length > 1,
    );
    assert.ok(moved.length > 0, 'no shipment saga has moved to another version');
  });
});
