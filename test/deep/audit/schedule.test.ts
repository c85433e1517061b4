import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import type { AuditReport } from '../../../domain/audit.ts';
import { AUDIT_SCHEDULE_ID } from '../../../domain/topology.ts';
import { driftOf } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { listProducts } from '../../support/products.ts';
import { temporalAddress } from '../../support/servers.ts';
import { untilViewsAreCurrent } from '../../support/stream.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('the scheduled audit', function () {
  this.timeout(120_000);
  let system: System;
  let connection: Connection;
  let client: Client;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      processes: ['worker', 'projector'],
      env: { AUDIT_INTERVAL_MS: '7200000' },
    });
    connection = await Connection.connect({ address: await temporalAddress() });
    client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, [{ sku: 'COFFEE', onHand: 10 }]);
    await untilViewsAreCurrent(system.db, system.topology);
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  const schedule = () => client.schedule.getHandle(AUDIT_SCHEDULE_ID);

  /** Lets the schedule start an audit. @returns its result, and what the Web UI shows of it */
  async function auditNow(): Promise<{ report: AuditReport; details: string }> {
    const before = (await schedule().describe()).info.numActionsTaken;
    await schedule().trigger();
    const action = await eventually(
      async () => {
        const { numActionsTaken, recentActions } = (await schedule().describe()).info;
        return numActionsTaken > before ? recentActions.at(-1)?.action.workflow : undefined;
      },
      { what: 'an audit was started' },
    );
    const run = client.workflow.getHandle(action.workflowId, action.firstExecutionRunId);
    const report = (await run.result()) as AuditReport;
    return { report, details: await run.query<string>('__temporal_workflow_metadata').then(JSON.stringify) };
  }

  /** @param label what its line has between braces, besides others */
  const metric = async (name: string, label = ''): Promise<number | undefined> => {
    const text = await (await fetch(`${system.urls.worker}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(name) && each.includes(label));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };

  it('runs as often as it is wanted, and not at once where it never ran', async () => {
    const { spec, policies, info } = await schedule().describe();
    assert.equal(spec.intervals?.[0]?.every, 7_200_000);
    assert.equal(policies.overlap, 'SKIP');
    assert.equal(info.numActionsTaken, 0);
    assert.equal(await metric('audit_last_success_timestamp_seconds'), 0);
  });

  it('tells its result in the Web UI and in metrics, whose rights only let it look', async () => {
    const startedAt = Date.now();
    const { report, details } = await auditNow();
    assert.deepEqual(driftOf(report), {});
    assert.equal(report.checks.find(({ name }) => name === 'products')?.looked, 1);
    assert.match(details, /Nothing has drifted\./);
    assert.ok((await metric('audit_last_success_timestamp_seconds'))! >= startedAt / 1_000);
    assert.equal(await metric('audit_drift', 'check="products"'), 0);

    await system.db.raw('update read.products set available = 9');
    const drifted = await auditNow();
    assert.deepEqual(Object.keys(driftOf(drifted.report)), ['products']);
    assert.match(drifted.details, /Something has drifted.*product COFFEE: available: 10 in fact, 9 shown/s);
    assert.equal(await metric('audit_drift', 'check="products"'), 1);

    await system.db.raw('update read.products set available = 10');
    await auditNow();
    assert.equal(await metric('audit_drift', 'check="products"'), 0);
  });

  it('fails when it could not look, and is not counted as done', async () => {
    const last = await metric('audit_last_success_timestamp_seconds');
    await system.stop('worker');
    await system.stop('projector');
    await system.start('worker', { env: { AUDIT_SETTLE_MS: '500' } });
    await listProducts(system.db, [{ sku: 'TEA', onHand: 10 }]);
    await schedule().trigger();
    const { description, failure } = await eventually(
      async () => {
        const { info } = await schedule().describe();
        const action = info.recentActions.at(-1)?.action.workflow;
        const { raw } = await client.workflow.getHandle(action!.workflowId).describe();
        const [pending] = raw.pendingActivities ?? [];
        return pending?.lastFailure
          ? { description: pending, failure: pending.lastFailure.message }
          : undefined;
      },
      { what: 'an attempt has failed' },
    );
    assert.equal(description.activityType?.name, 'auditSystem');
    assert.match(failure ?? '', /the projector did not apply message \d+ of the stream within 0.5 s/);
    assert.notEqual(await metric('audit_last_success_timestamp_seconds'), last);
    assert.equal(await metric('audit_last_success_timestamp_seconds'), 0);
  });

  it('is not there where none is wanted', async () => {
    await system.stop('worker');
    await system.start('worker', { env: { AUDIT_INTERVAL_MS: '0' } });
    await eventually(
      () =>
        schedule()
          .describe()
          .then(
            () => undefined,
            (error: unknown) =>
              (error instanceof Error && error.name === 'ScheduleNotFoundError') || undefined,
          ),
      { what: 'the schedule is gone' },
    );
  });
});
