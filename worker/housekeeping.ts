import { ScheduleAlreadyRunning, type Client, type ScheduleOptions } from '@temporalio/client';
import { HOUSEKEEPING_SCHEDULE_ID, KEYS_SCHEDULE_ID, RELAY_TASK_QUEUE } from '../domain/topology.ts';

const schedules = [
  {
    scheduleId: HOUSEKEEPING_SCHEDULE_ID,
    workflowType: 'outboxHousekeeping',
    summary: 'Makes and drops partitions of the outbox',
  },
  {
    scheduleId: KEYS_SCHEDULE_ID,
    workflowType: 'keysHousekeeping',
    summary: 'Removes idempotency keys that have expired',
  },
] as const;

const optionsOf = ({ scheduleId, workflowType, summary }: (typeof schedules)[number]) =>
  ({
    scheduleId,
    spec: { intervals: [{ every: '1 hour' }] },
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: scheduleId,
      taskQueue: RELAY_TASK_QUEUE,
      args: [],
      staticSummary: summary,
    },
    // What was missed while Temporal was down is made up for by one run.
    policies: { overlap: 'SKIP', catchupWindow: '1 hour' },
  }) as const satisfies ScheduleOptions;

/** Sees to it that housekeeping runs each hour, and at once where it never ran; a pause that people set stays. */
export async function scheduleHousekeeping(client: Client): Promise<void> {
  for (const schedule of schedules.map(optionsOf)) {
    try {
      await client.schedule.create({ ...schedule, state: { triggerImmediately: true } });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await client.schedule.getHandle(schedule.scheduleId).update(({ state }) => ({ ...schedule, state }));
    }
  }
}
