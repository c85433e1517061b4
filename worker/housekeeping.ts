import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  RELAY_TASK_QUEUE,
} from '../domain/topology.ts';

const HOUR_MS = 3_600_000;

interface Schedule {
  readonly scheduleId: string;
  readonly workflowType: string;
  readonly summary: string;
  /** Default: each hour. */
  readonly everyMs?: number;
  /** Whether it waits for its time where it never ran. */
  readonly beginsLater?: true;
}

const housekeeping: readonly Schedule[] = [
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
];
const auditing = (everyMs: number): Schedule => ({
  scheduleId: AUDIT_SCHEDULE_ID,
  workflowType: 'audit',
  summary: 'Compares write side, outbox, stream and read tables',
  everyMs,
  beginsLater: true,
});

const optionsOf = ({ scheduleId, workflowType, summary, everyMs = HOUR_MS }: Schedule) =>
  ({
    scheduleId,
    spec: { intervals: [{ every: everyMs }] },
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

interface Settings {
  /** 0: never. */
  readonly auditEveryMs: number;
}

/**
 * Sees to it that housekeeping runs each hour, and at once where it never ran, and audits as often as they are wanted;
 * a pause that people set stays.
 */
export async function scheduleHousekeeping(client: Client, { auditEveryMs }: Settings): Promise<void> {
  for (const schedule of housekeeping) await keepSchedule(client, schedule);
  if (auditEveryMs > 0) await keepSchedule(client, auditing(auditEveryMs));
  else await dropSchedule(client, AUDIT_SCHEDULE_ID);
}

async function keepSchedule(client: Client, schedule: Schedule): Promise<void> {
  const options = optionsOf(schedule);
  const state = schedule.beginsLater === true ? {} : { triggerImmediately: true };
  try {
    await client.schedule.create({ ...options, state });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(schedule.scheduleId)
      .update((present) => ({ ...options, state: present.state }));
  }
}

async function dropSchedule(client: Client, scheduleId: string): Promise<void> {
  try {
    await client.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}
