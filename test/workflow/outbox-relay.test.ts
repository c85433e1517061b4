import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import type { RelayActivities } from '../../domain/relay.ts';
import { relayWorkflowId } from '../../domain/topology.ts';
import type { outboxRelay } from '../../workflows/index.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';

describe('outbox relay workflow', function () {
  this.timeout(180_000);
  let environment: WorkflowEnvironment;
  /** How the runs of a shard's activity end, in turn. */
  const shards: { ends: (Error | undefined)[]; begun: number }[] = [];

  const activities: RelayActivities = {
    relayOutbox: (shard) => {
      const script = shards[shard];
      assert.ok(script);
      const end = script.ends[script.begun++];
      return end ? Promise.reject(end) : Promise.resolve();
    },
  };

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(activities);
  });
  after(() => environment.close());

  /** Runs the workflow until the activity fails for good, which nothing but this test makes it do. */
  async function run(...ends: (Error | undefined)[]): Promise<{ begun: number; histories: number }> {
    const script = { ends: [...ends, ApplicationFailure.nonRetryable('the script is over')], begun: 0 };
    const shard = shards.push(script) - 1;
    const relay = await environment.client.workflow.start<typeof outboxRelay>('outboxRelay', {
      workflowId: relayWorkflowId(shard),
      taskQueue: environment.taskQueue,
      args: [shard],
    });
    await assert.rejects(relay.result(), WorkflowFailedError);
    const { runId } = await environment.client.workflow.getHandle(relay.workflowId).describe();
    return { begun: script.begun, histories: runId === relay.firstExecutionRunId ? 1 : 2 };
  }

  it('begins the next run when one ends', async () => {
    assert.deepEqual(await run(undefined, undefined), { begun: 3, histories: 1 });
  });

  it('goes on elsewhere when a worker hands over', async () => {
    const handedOver = ApplicationFailure.retryable('shutting down', 'RELAY_HANDED_OVER');
    assert.deepEqual(await run(handedOver, handedOver), { begun: 3, histories: 1 });
  });

  it('waits and tries again when the outbox needs a decision', async () => {
    const refused = ApplicationFailure.nonRetryable('restored from a dump', 'OUTBOX_REFUSED');
    assert.deepEqual(await run(refused, refused), { begun: 3, histories: 1 });
  });

  it('continues as new, so that its history stays short', async () => {
    assert.deepEqual(await run(...Array<undefined>(150)), { begun: 151, histories: 2 });
  });
});
