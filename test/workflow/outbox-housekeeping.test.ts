import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { HousekeepingActivities, PartitionReport } from '../../domain/relay.ts';
import { newId } from '../../platform/clock.ts';
import type { keysHousekeeping, outboxHousekeeping } from '../../workflows/index.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';

const nothing: PartitionReport = { created: [], dropped: [], postponed: [] };

describe('outbox housekeeping workflow', function () {
  this.timeout(180_000);
  let environment: WorkflowEnvironment;
  /** What the activity answers, and how often it was asked. */
  let answer: () => Promise<PartitionReport>;
  let asked: number;

  const activities: HousekeepingActivities = {
    keepOutboxPartitions: () => {
      asked += 1;
      return answer();
    },
    removeExpiredKeys: () => Promise.resolve(7),
  };

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(activities);
  });
  after(() => environment.close());
  beforeEach(() => {
    asked = 0;
  });

  const start = (): Promise<WorkflowHandle<typeof outboxHousekeeping>> =>
    environment.client.workflow.start<typeof outboxHousekeeping>('outboxHousekeeping', {
      workflowId: `housekeeping-${newId()}`,
      taskQueue: environment.taskQueue,
    });
  const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
    (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;

  it('shows what was done, and what was put off and why', async () => {
    const report: PartitionReport = {
      created: ['outbox_20300104'],
      dropped: ['outbox_20291224'],
      postponed: [{ partition: 'outbox_20291225', because: 'shard 1 has not published all of it' }],
    };
    answer = () => Promise.resolve(report);
    const handle = await start();
    assert.deepEqual(await handle.result(), report);
    assert.deepEqual((await detailsOf(handle)).split('\n'), [
      '- outbox_20300104: created',
      '- outbox_20291224: dropped',
      '- outbox_20291225: **not yet**, shard 1 has not published all of it',
    ]);
  });

  it('says so when nothing was due', async () => {
    answer = () => Promise.resolve(nothing);
    const handle = await start();
    await handle.result();
    assert.equal(await detailsOf(handle), 'Nothing was due.');
  });

  it('tries again while the database is away', async () => {
    answer = () =>
      asked < 4 ? Promise.reject(new Error('no route to the database')) : Promise.resolve(nothing);
    await (await start()).result();
    assert.equal(asked, 4);
  });

  it('removes expired keys beside it, and says how many', async () => {
    const handle = await environment.client.workflow.start<typeof keysHousekeeping>('keysHousekeeping', {
      workflowId: `keys-${newId()}`,
      taskQueue: environment.taskQueue,
    });
    assert.equal(await handle.result(), 7);
    assert.equal(await detailsOf(handle), '7 idempotency keys had expired and were removed.');
  });

  it('fails before the next run is due', async () => {
    answer = () => Promise.reject(ApplicationFailure.retryable('still no route'));
    const handle = await start();
    await assert.rejects(handle.result(), WorkflowFailedError);
    const { startTime, closeTime } = await handle.describe();
    assert.ok(closeTime && closeTime.getTime() - startTime.getTime() < 3_600_000);
  });
});
