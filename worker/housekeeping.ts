import { ScheduleAlreadyRunning, type Client, type ScheduleOptions } from '@temporalio/client';
import { HOUSEKEEPING_SCHEDULE_ID, RELAY_TASK_QUEUE } from '../domain/topology.ts';
import type { outboxHousekeeping } from '../workflows/index.ts';

const schedule = {
  scheduleId: HOUSEKEEPING_SCHEDULE_ID,
  spec: { intervals: [{ every: '1 hour' }] },
  action: {
    type: 'startWorkflow',
    workflowType: 'outboxHousekeeping',
    workflowId: HOUSEKEEPING_SCHEDULE_ID,
    taskQueue: RELAY_TASK_QUEUE,
    args: [],
    staticSummary: 'Makes and drops partitions of the outbox',
  },
  // What was missed while Temporal was down is made up for by one run.
  policies: { overlap: 'SKIP', catchupWindow: '1 hour' },
} as const satisfies ScheduleOptions;

/** Sees to it that housekeeping runs each hour, and at once where it never ran; a pause that people set stays. */
export async function scheduleHousekeeping(client: Client): Promise<void> {
  try {
    await client.schedule.create<typeof outboxHousekeeping>({
      ...schedule,
      state: { triggerImmediately: true },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(HOUSEKEEPING_SCHEDULE_ID)
      .update<typeof outboxHousekeeping>(({ state }) => ({ ...schedule, state }));
  }
}
