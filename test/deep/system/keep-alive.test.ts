import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  relayWorkflowId,
  SAGA_WATCH_SCHEDULE_ID,
  SEARCH_ATTRIBUTES,
} from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson } from '../../support/http.ts';
import { catalogue, goodOrder, metricOf, runOf } from '../../support/lost-sagas.ts';
import { place, untilStatus } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

/** What the worker promises. */
const WITHIN_MS = 60_000;

describe('what Temporal has lost', function () {
  this.timeout(180_000);
  let system: System;
  let connection: Connection;
  let client: Client;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem();
    connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, catalogue);
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  const relayIsSeen = (shard: number): Promise<number | undefined> =>
    metricOf(system.urls.worker, 'outbox_relay_running', `shard="${shard}"`);
  const logged = async (text: string): Promise<boolean> =>
    (await system.logOf('worker')).some(({ msg }) => msg.includes(text));

  it('a terminated relay runs again without a restart, and readiness reports it meanwhile', async () => {
    await eventually(async () => ((await relayIsSeen(0)) === 1 ? true : undefined), {
      what: 'the relay is seen',
      withinMs: WITHIN_MS,
    });
    const before = await runOf(client, relayWorkflowId(0));
    await client.workflow.getHandle(relayWorkflowId(0)).terminate('by a test');
    const { status, degraded } = await eventually(
      async () => {
        const ready = await getJson<{ status: string; degraded: { relays?: string } }>(
          `${system.urls.worker}/readyz`,
        );
        return 'relays' in ready.degraded ? ready : undefined;
      },
      { what: 'readiness says that the relay is gone', withinMs: WITHIN_MS },
    );
    assert.equal(status, 'ready');
    assert.match(degraded.relays ?? '', /outbox-relay-0/);
    await eventually(
      async () => {
        const run = client.workflow.getHandle(relayWorkflowId(0));
        const { runId, status: now } = await run.describe();
        return runId !== before && now.name === 'RUNNING' && (await relayIsSeen(0)) === 1 ? true : undefined;
      },
      { what: 'the relay runs again', withinMs: WITHIN_MS },
    );
    assert.ok(await logged('relays were gone and are started again'));
    await untilStatus(
      system,
      [await place(system, goodOrder), await place(system, goodOrder)],
      ['COMPLETED'],
    );
  });

  it('deleted schedules come back; one that people have paused stays paused', async () => {
    await client.schedule.getHandle(KEYS_SCHEDULE_ID).pause('by a test');
    const { info } = await client.schedule.getHandle(KEYS_SCHEDULE_ID).describe();
    const deleted = [HOUSEKEEPING_SCHEDULE_ID, AUDIT_SCHEDULE_ID, SAGA_WATCH_SCHEDULE_ID];
    for (const id of deleted) await client.schedule.getHandle(id).delete();
    for (const id of deleted)
      await eventually(() => client.schedule.getHandle(id).describe(), {
        what: `schedule ${id} is back`,
        withinMs: WITHIN_MS,
      });
    const { state, info: after } = await client.schedule.getHandle(KEYS_SCHEDULE_ID).describe();
    assert.deepEqual([state.paused, state.note], [true, 'by a test']);
    assert.deepEqual(after.lastUpdatedAt, info.lastUpdatedAt, 'the worker does not touch it');
  });

  it('search attributes are registered again, and orders go on', async () => {
    const { operatorService } = connection;
    const { namespace } = system;
    const attribute = SEARCH_ATTRIBUTES.cancelReason;
    await operatorService.removeSearchAttributes({ namespace, searchAttributes: [attribute] });
    await eventually(
      async () =>
        (await operatorService.listSearchAttributes({ namespace })).customAttributes[attribute] === undefined
          ? undefined
          : true,
      { what: `${attribute} is registered again`, withinMs: WITHIN_MS },
    );
    await untilStatus(system, [await place(system, goodOrder)], ['COMPLETED']);
  });
});
