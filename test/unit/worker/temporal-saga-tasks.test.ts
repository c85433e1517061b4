import assert from 'node:assert/strict';
import { ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { createTemporalSagaTasks } from '../../../worker/temporal-saga-tasks.ts';

const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;
const [COMPLETED, TIMED_OUT, FAILED, SIGNALED] = [7, 8, 9, 26];
const [UNHANDLED_COMMAND, UNHANDLED_FAILURE, BAD_SEARCH_ATTRIBUTES, NON_DETERMINISTIC, OF_THE_FUTURE] = [
  1, 14, 23, 24, 99,
];
const at = (seconds: number): { seconds: number } => ({ seconds });

interface Told {
  /** The last events of the history, the last one first: type, time in seconds, and why a task failed. */
  readonly events?: readonly (readonly [type: number | undefined, seconds: number, cause?: number])[];
  readonly attempt?: number;
  readonly status?: string;
  readonly list?: (query: string) => readonly string[];
}

/** As much of a client as is used. */
const tasksOf = ({ events = [], attempt, status = 'RUNNING', list = () => [] }: Told) => {
  const queries: string[] = [];
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, act: () => Promise<unknown>) => act(),
    workflow: {
      list: async function* ({ query }: { query: string }) {
        queries.push(query);
        for (const workflowId of await Promise.resolve(list(query))) yield { workflowId };
      },
      getHandle: () => ({
        describe: () =>
          status === 'NOT_FOUND'
            ? Promise.reject(new WorkflowNotFoundError('no such workflow', 'order-1', undefined))
            : Promise.resolve({
                status: { name: status },
                startTime: new Date(0),
                runId: 'run',
                raw: { pendingWorkflowTask: attempt === undefined ? null : { attempt } },
              }),
      }),
    },
    workflowService: {
      getWorkflowExecutionHistoryReverse: () =>
        Promise.resolve({
          history: {
            events: events.map(([eventType, seconds, cause]) => ({
              ...{ eventType, eventTime: at(seconds) },
              workflowTaskFailedEventAttributes: cause === undefined ? null : { cause },
            })),
          },
        }),
    },
  };
  return { tasks: createTemporalSagaTasks(() => client as unknown as Client), queries };
};
const refusal = (code: number): Error =>
  new ServiceError('the server refuses', {
    cause: Object.assign(new Error('refused'), { code, details: '', metadata: {} }),
  });
const throws = (error: Error) => (): never => {
  throw error;
};

describe('workflow tasks as Temporal knows them', () => {
  const failures: readonly [string, Told, string | undefined][] = [
    ['the code throws', { attempt: 2, events: [[FAILED, 5, UNHANDLED_FAILURE]] }, 'WORKFLOW_BUG'],
    [
      'the code does not fit the history',
      { attempt: 9, events: [[FAILED, 5, NON_DETERMINISTIC]] },
      'NONDETERMINISM',
    ],
    [
      'something arrived since',
      {
        attempt: 3,
        events: [
          [SIGNALED, 9],
          [FAILED, 5, NON_DETERMINISTIC],
        ],
      },
      'NONDETERMINISM',
    ],
    [
      'the server refuses a command',
      { attempt: 3, events: [[FAILED, 5, BAD_SEARCH_ATTRIBUTES]] },
      'REFUSED_BY_SERVER',
    ],
    ['the server knows a newer cause', { attempt: 3, events: [[FAILED, 5, OF_THE_FUTURE]] }, 'OTHER'],
    ['no worker completes it in time', { attempt: 4, events: [[TIMED_OUT, 5]] }, 'TIMED_OUT'],
    ['a worker went away with it', { attempt: 2, events: [[TIMED_OUT, 5]] }, undefined],
    ['something arrived while it ran', { attempt: 2, events: [[FAILED, 5, UNHANDLED_COMMAND]] }, undefined],
    [
      'the last one has succeeded',
      {
        attempt: 2,
        events: [
          [COMPLETED, 9],
          [FAILED, 5, UNHANDLED_FAILURE],
        ],
      },
      undefined,
    ],
    ['it is tried for the first time', { attempt: 1, events: [[FAILED, 5, UNHANDLED_FAILURE]] }, undefined],
    ['there is none', {}, undefined],
  ];
  for (const [what, told, cause] of failures)
    it(`a task counts as ${cause ?? 'healthy'} when ${what}`, async () => {
      const running = await tasksOf(told).tasks.inspect('order-1');
      assert.deepEqual(running?.startedAt, new Date(0));
      const { attempt: attempts } = told;
      assert.deepEqual(running.failure, cause && { cause, attempts, since: new Date(5_000) });
    });

  it('a workflow that has closed, or is not there, does not run', async () => {
    for (const status of ['COMPLETED', 'TERMINATED', 'NOT_FOUND'])
      assert.equal(await tasksOf({ status, attempt: 5 }).tasks.inspect('order-1'), undefined);
  });

  it('the server is asked which workflows it reports, and one that reports none is no failure', async () => {
    const { tasks, queries } = tasksOf({ list: () => ['order-1', 'order-2', 'order-3'] });
    assert.deepEqual(await tasks.reportedFailing(2), ['order-1', 'order-2']);
    assert.deepEqual(queries, [
      "ExecutionStatus = 'Running' and TemporalReportedProblems in ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')",
    ]);
    const older = tasksOf({ list: throws(refusal(INVALID_ARGUMENT)) });
    assert.deepEqual(await older.tasks.reportedFailing(2), []);
    const away = tasksOf({ list: throws(refusal(UNAVAILABLE)) });
    await assert.rejects(away.tasks.reportedFailing(2), ServiceError);
  });

  it('runs are looked up many at a time, and those that are not listed yet are left out', async () => {
    const { tasks, queries } = tasksOf({ list: (query) => (query.includes("'run-1'") ? ['order-1'] : []) });
    const runs = Array.from({ length: 501 }, (_, index) => `run-${index}`);
    assert.deepEqual(await tasks.workflowsOf(runs), ['order-1']);
    assert.equal(queries.length, 2);
    assert.deepEqual(await tasks.workflowsOf([]), []);
  });
});
