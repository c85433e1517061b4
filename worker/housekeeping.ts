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
  SAGA_WATCH_SCHEDULE_ID,
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

const watchingSagas = (everyMs: number): Schedule => ({
  scheduleId: SAGA_WATCH_SCHEDULE_ID,
  workflowType: 'sagaWatch',
  summary: 'Starts sagas again whose orders have lost them',
  everyMs,
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
  /** How often orders without a saga are looked for, in ms; 0: never. */
  readonly sagaWatchEveryMs: number;
}

/**
 * Sees to it that housekeeping runs each hour, and at once where it never ran, and audits and the search for orphans as
 * often as they are wanted; a pause that people set stays.
 */
export async function scheduleHousekeeping(client: Client, settings: Settings): Promise<void> {
  for (const schedule of wantedSchedules(settings)) await keepSchedule(client, schedule);
  if (settings.auditEveryMs === 0) await dropSchedule(client, AUDIT_SCHEDULE_ID);
  if (settings.sagaWatchEveryMs === 0) await dropSchedule(client, SAGA_WATCH_SCHEDULE_ID);
}

/** Makes schedules that are gone; those that exist stay as they are. @returns the ids of those that were made */
export async function restoreSchedules(client: Client, settings: Settings): Promise<string[]> {
  const made: string[] = [];
  for (const schedule of wantedSchedules(settings))
    if (await createSchedule(client, schedule)) made.push(schedule.scheduleId);
  return made;
}

const wantedSchedules = ({ auditEveryMs, sagaWatchEveryMs }: Settings): readonly Schedule[] => [
  ...housekeeping,
  ...(auditEveryMs > 0 ? [auditing(auditEveryMs)] : []),
  ...(sagaWatchEveryMs > 0 ? [watchingSagas(sagaWatchEveryMs)] : []),
];

async function keepSchedule(client: Client, schedule: Schedule): Promise<void> {
  if (await createSchedule(client, schedule)) return;
  await client.schedule
    .getHandle(schedule.scheduleId)
    .update((present) => ({ ...optionsOf(schedule), state: present.state }));
}

/** @returns false when it exists */
async function createSchedule(client: Client, schedule: Schedule): Promise<boolean> {
  const state = schedule.beginsLater === true ? {} : { triggerImmediately: true };
  try {
    await client.schedule.create({ ...optionsOf(schedule), state });
    return true;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    return false;
  }
}

async function dropSchedule(client: Client, scheduleId: string): Promise<void> {
  try {
    await client.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}
