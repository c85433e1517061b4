import assert from 'node:assert/strict';
import { DeterminismViolationError } from '@temporalio/workflow';
import {
  adviceFor,
  causeOf,
  factsOf,
  groupBroken,
  type BrokenReplay,
  type WorkflowFacts,
} from '../../../dev/broken-replays.ts';
import { historyFromJson } from '../../../dev/history-json.ts';

const saga: WorkflowFacts = { workflowType: 'orderSaga', pinnedTo: undefined, isVersioned: false };

const broken = (workflowId: string, message: string, facts: Partial<WorkflowFacts> = {}): BrokenReplay => ({
  workflowId,
  facts: { ...saga, ...facts },
  error: new DeterminismViolationError(`Replay failed with a nondeterminism error. Details: ${message}`),
});

describe('workflows that cannot go on with other code', () => {
  it('are one group where only ids and numbers differ, the largest group first', () => {
    const groups = groupBroken([
      broken('order-1', "Activity type of scheduled event 'a' does not match activity 'b'"),
      broken(
        'order-2',
        'Timer machine does not handle this event: HistoryEvent(id: 12, ActivityTaskScheduled)',
      ),
      broken(
        'order-3',
        'Timer machine does not handle this event: HistoryEvent(id: 7, ActivityTaskScheduled)',
      ),
    ]);
    assert.deepEqual(
      groups.map(({ cause, workflowIds }) => [cause, workflowIds]),
      [
        [
          'Timer machine does not handle this event: HistoryEvent(id: <n>, ActivityTaskScheduled)',
          ['order-2', 'order-3'],
        ],
        ["Activity type of scheduled event 'a' does not match activity 'b'", ['order-1']],
      ],
    );
  });

  it('are another group by type, version and kind', () => {
    const groups = groupBroken([
      broken('order-1', 'x'),
      broken('shipment-1', 'x', { workflowType: 'shipmentSaga' }),
      broken('order-2', 'x', { pinnedTo: 'orders:v1', isVersioned: true }),
      { ...broken('order-3', 'x'), error: new Error('x') },
    ]);
    assert.deepEqual(
      groups.map(({ kind, workflowIds }) => [kind, ...workflowIds]),
      [
        ['changed', 'order-1'],
        ['changed', 'shipment-1'],
        ['changed', 'order-2'],
        ['fails', 'order-3'],
      ],
    );
  });

  it('are told what to do: keep the version, patch, pin, or mend the fault', () => {
    const adviceOf = (replay: BrokenReplay): string => groupBroken([replay]).flatMap(adviceFor).join('\n');
    assert.match(
      adviceOf(broken('a', 'x', { pinnedTo: 'orders:v1', isVersioned: true })),
      /pinned to orders:v1 .* drain v1/,
    );
    assert.match(adviceOf(broken('a', 'x')), /patched\('<name>'\)[^]*let them end first/);
    assert.match(
      adviceOf(broken('a', 'x', { isVersioned: true })),
      /patched\('<name>'\)[^]*versioning-override-behavior pinned/,
    );
    assert.match(adviceOf({ ...broken('a', 'x'), error: new Error('boom') }), /mend it/);
  });

  it('a cause of several lines is its first one', () => {
    assert.equal(causeOf(new Error('Replay failed. Details: one\n    at two')), 'one');
  });

  it('a cause is what the core of the SDK says, without its code and what it puts around it', () => {
    const message =
      'Replay failed with a nondeterminism error. Details: Workflow activation completion failed: Failure { failure: ' +
      'Some(Failure { message: "[TMPRL1100] Nondeterminism error: Activity \\"a\\" of event id: 12 does not match", source: "" }) }';
    assert.equal(causeOf(new Error(message)), 'Activity "a" of event id: <n> does not match');
  });

  it('a history says what it is of, and which version has it', () => {
    const started = {
      eventId: '1',
      eventType: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
      workflowExecutionStartedEventAttributes: { workflowType: { name: 'orderSaga' } },
    };
    const completed = (versioningBehavior: string): object => ({
      eventId: '4',
      eventType: 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED',
      workflowTaskCompletedEventAttributes: {
        versioningBehavior,
        deploymentVersion: { deploymentName: 'orders', buildId: 'v1' },
      },
    });
    assert.deepEqual(factsOf(historyFromJson({ events: [started] })), saga);
    assert.deepEqual(
      factsOf(historyFromJson({ events: [started, completed('VERSIONING_BEHAVIOR_PINNED')] })),
      { ...saga, pinnedTo: 'orders:v1', isVersioned: true },
    );
    assert.deepEqual(
      factsOf(historyFromJson({ events: [started, completed('VERSIONING_BEHAVIOR_AUTO_UPGRADE')] })),
      { ...saga, isVersioned: true },
    );
  });
});
