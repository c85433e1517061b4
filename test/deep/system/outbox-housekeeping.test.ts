import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import type { PartitionReport } from '../../../domain/relay.ts';
import { HOUSEKEEPING_SCHEDULE_ID, KEYS_SCHEDULE_ID } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { temporalAddress } from '../../support/servers.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('housekeeping in the outbox', function () {
  this.timeout(120_000);
  let system: System;
  let connection: Connection;
  let client: Client;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ processes: ['worker'] });
    connection = await Connection.connect({ address: await temporalAddress() });
    client = new Client({ connection, namespace: system.namespace });
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  /** @returns results of all runs, when there are at least so many. */
  const untilRun = (runs: number): Promise<PartitionReport[]> =>
    eventually(
      async () => {
        const { info } = await client.schedule.getHandle(HOUSEKEEPING_SCHEDULE_ID).describe();
        if (info.recentActions.length < runs || info.runningActions.length > 0) return undefined;
        const reports: PartitionReport[] = [];
        for (const { action } of info.recentActions) {
          const { workflowId, firstExecutionRunId } = action.workflow;
          reports.push(
            (await client.workflow.getHandle(workflowId, firstExecutionRunId).result()) as PartitionReport,
          );
        }
        return reports;
      },
      { what: `housekeeping has run ${runs} times`, withinMs: 60_000 },
    );

  it('runs at once where it never ran, each hour after that, one at a time', async () => {
    const [first] = await untilRun(1);
    assert.deepEqual(first?.postponed, []);
    const { spec, policies } = await client.schedule.getHandle(HOUSEKEEPING_SCHEDULE_ID).describe();
    assert.equal(spec.intervals?.[0]?.every, 3_600_000);
    assert.equal(policies.overlap, 'SKIP');
  });

  it('makes the partitions that are missing and drops those that are too old, beside the relays', async () => {
    // As an outbox that has stood for years: its first partition is over, and has none after it.
    await system.db.raw(`
      alter table messaging.outbox detach partition messaging.outbox_first;
      alter table messaging.outbox attach partition messaging.outbox_first for values from (minvalue) to ('2020-01-01');
    `);
    await client.schedule.getHandle(HOUSEKEEPING_SCHEDULE_ID).trigger();
    const report = (await untilRun(2)).at(-1);
    assert.deepEqual(report?.dropped, ['outbox_first']);
    assert.equal(report.created.length, 1, 'the one of today');
  });

  it('removes expired idempotency keys as well, and no other', async () => {
    const key = (name: string, age: string): Promise<unknown> =>
      system.db.raw(
        `insert into orders.idempotency_keys (subject, key, order_id, body_hash, created_at)
         values ('ada', ?, gen_random_uuid(), '', now() - cast(? as interval))`,
        [name, age],
      );
    await key('expired', '25 hours');
    await key('fresh', '23 hours');
    await client.schedule.getHandle(KEYS_SCHEDULE_ID).trigger();
    await eventually(
      async () => {
        const left = await system.db('orders.idempotency_keys').pluck<string[]>('key');
        return left.includes('expired') ? undefined : left;
      },
      { what: 'the expired key is gone' },
    );
    assert.deepEqual(await system.db('orders.idempotency_keys').pluck('key'), ['fresh']);
  });

  it('stays paused when people have paused it, whoever starts', async () => {
    const handle = client.schedule.getHandle(HOUSEKEEPING_SCHEDULE_ID);
    await handle.pause('the database is moved');
    await system.stop('worker');
    await system.start('worker');
    const { state } = await handle.describe();
    assert.deepEqual([state.paused, state.note], [true, 'the database is moved']);
  });
});
