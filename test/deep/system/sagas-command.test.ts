import assert from 'node:assert/strict';
import { outOfReach } from '../../../platform/tool.ts';
import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import type { SagaProgress } from '../../../domain/saga-requests.ts';
import { orderWorkflowId, SAGA_WATCH_SCHEDULE_ID, shipmentWorkflowId } from '../../../domain/topology.ts';
import { runAudit } from '../../support/audit.ts';
import { closeSaga } from '../../support/closed-sagas.ts';
import { runEntryPoint } from '../../support/entry-point.ts';
import { post } from '../../support/http.ts';
import { catalogue, goodOrder, placeBooked, placeWaiting, untilOrder } from '../../support/lost-sagas.ts';
import { place } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('npm run sagas', function () {
  this.timeout(120_000);
  let system: System;
  let connection: Connection;
  let client: Client;
  let waiting: string;
  let shipping: string;
  let reserving: string;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ env: { SAGA_WATCH_INTERVAL_MS: '0' } });
    connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, catalogue);
    [waiting, shipping] = [await placeWaiting(system), await placeBooked(system)];
    reserving = await placeWaiting(system);
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runEntryPoint('worker/sagas.main.ts', args, {
      ...system.ownerEnv,
      SAGA_ORPHAN_AFTER_MS: '1',
      ...env,
    }).ended;
  const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

  it('there is no schedule where none is wanted', () =>
    assert.rejects(client.schedule.getHandle(SAGA_WATCH_SCHEDULE_ID).describe(), ScheduleNotFoundError));

  it('show tells where the saga of an order is, and ends with 1 for one that Temporal does not know', async () => {
    const { code, output } = await run(['show', waiting]);
    assert.equal(code, 0, output);
    const { workflowId, state, current } = JSON.parse(output) as SagaProgress & { workflowId: string };
    assert.deepEqual(
      [workflowId, state, current?.name],
      [orderWorkflowId(waiting), 'RUNNING', 'wait for approval'],
    );
    const unknown = await run(['show', '01890000-0000-7000-8000-000000000000']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.output, /^Temporal has no saga of order /);
  });

  it('orphans ends with 0 while every open order has its saga, and the audit agrees', async () => {
    assert.deepEqual(await run(['orphans']), { code: 0, output: 'all of 3 open orders have their saga\n' });
    const audit = await runAudit({ ...system.ownerEnv, SAGA_ORPHAN_AFTER_MS: '1' });
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
    assert.match(audit.stdout, /^orders-without-saga +3 +0 /m);
  });

  it('orphans names those that have lost it and ends with 1, and the audit finds the same', async () => {
    await closeSaga(client, orderWorkflowId(waiting), 'TERMINATED');
    await closeSaga(client, orderWorkflowId(reserving), 'FAILED');
    await closeSaga(client, shipmentWorkflowId(shipping), 'TERMINATED');
    const { code, output } = await run(['orphans', '--json']);
    assert.equal(code, 1, output);
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { orderId: string });
    assert.deepEqual(
      lines.sort((one, other) => one.orderId.localeCompare(other.orderId)),
      [
        ['PENDING', 'order', waiting, 'TERMINATED'],
        ['COMPLETED', 'shipment', shipping, 'TERMINATED'],
        ['PENDING', 'order', reserving, 'FAILED'],
      ].map(([status, saga, orderId, reason]) => ({
        orderId,
        status,
        saga,
        workflowId: `${saga}-${orderId}`,
        reason,
      })),
    );
    assert.match((await run(['orphans'])).output, /3 of 3 open orders have no saga\n$/);

    const audit = await runAudit({ ...system.ownerEnv, SAGA_ORPHAN_AFTER_MS: '1' });
    assert.equal(audit.code, 1);
    assert.match(audit.stdout, /^orders-without-saga +3 +3 /m);
    assert.ok(
      audit.stdout.includes(
        `order ${shipping}: it is COMPLETED, and its saga shipment-${shipping} is TERMINATED`,
      ),
    );
  });

  it('an order that has just changed is left alone', async () => {
    const env = { SAGA_ORPHAN_AFTER_MS: '600000' };
    assert.deepEqual(await run(['orphans'], env), {
      code: 0,
      output: 'all of 0 open orders have their saga\n',
    });
    assert.match((await run(['restart', '--all'], env)).output, /^0 open orders examined/);
    assert.equal((await runAudit({ ...system.ownerEnv, ...env })).code, 0);
  });

  it('restart starts one saga again, and refuses one that runs, an order that has ended and one that is unknown', async () => {
    assert.deepEqual(await run(['restart', waiting]), {
      code: 0,
      output: `order-${waiting} is started again; it was TERMINATED\n`,
    });
    assert.deepEqual(await run(['restart', waiting]), {
      code: 1,
      output: `the saga of order ${waiting} is running\n`,
    });
    const ended = await place(system, { ...goodOrder, paymentMethod: 'pm_card_declined' });
    await untilOrder(system, ended, 'is cancelled', ({ status }) => status === 'CANCELLED');
    const refused = await run(['restart', ended]);
    assert.deepEqual(refused, { code: 1, output: `order ${ended} has ended; it needs no saga\n` });
    const unknown = '01890000-0000-7000-8000-000000000000';
    assert.deepEqual(await run(['restart', unknown]), { code: 1, output: `there is no order ${unknown}\n` });
  });

  it('restart --all starts the others again, and they go on', async () => {
    const { code, output } = await run(['restart', '--all']);
    assert.equal(code, 0, output);
    assert.match(
      output,
      /3 open orders examined, 2 without a saga, 2 started again, 0 could not be started\n$/,
    );
    assert.equal((await run(['orphans'])).code, 0);
    const answer = await post(`${system.urls['command-api']}/orders/${shipping}/cancel`, {
      reason: 'no need',
    });
    assert.equal(answer.status, 202, await answer.text());
    await untilOrder(system, shipping, 'is refunded', ({ status }) => status === 'REFUNDED');
  });

  it('ends with 2 and names the address while Temporal is out of reach, as the audit does', async () => {
    const looked = await run(['orphans'], nowhere);
    assert.deepEqual(looked, {
      code: 2,
      output: `${outOfReach('TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: '127.0.0.1:1' })}\n`,
    });
    const audit = await runAudit({ ...system.ownerEnv, ...nowhere });
    assert.equal(audit.code, 2);
    assert.match(audit.stderr, /could not look: Temporal cannot be reached at 127\.0\.0\.1:1/);
  });

  it('ends with 2 and says how it is used when it is used otherwise', async () => {
    const { code, output } = await run(['restart']);
    assert.equal(code, 2);
    assert.match(output, /^restart takes either an order id or --all\n\nnpm run sagas/);
  });
});
