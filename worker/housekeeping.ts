import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  RELAY_TASK_QUEUE,
  SAGA_WATCH_SCHEDULE_ID,
} from '../domain/topology.ts';
import { NotReady } from '../platform/readiness.ts';
import { isRefusal } from '../platform/temporal/connection-problem.ts';

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

/** What the worker has set, as the schedule's action says: the base for telling what others have changed since. */
const EVERY_MEMO = 'everyMs';

const policies = { overlap: 'SKIP', catchupWindow: HOUR_MS, pauseOnFailure: false } as const;

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
      memo: { [EVERY_MEMO]: everyMs },
    },
    // What was missed while Temporal was down is made up for by one run.
    policies,
  }) as const satisfies ScheduleOptions;

interface Settings {
  /** 0: never. */
  readonly auditEveryMs: number;
  /** How often orders without a saga are looked for, in ms; 0: never. */
  readonly sagaWatchEveryMs: number;
}

/** The server lets this worker make or change no schedules. */
export class SchedulesRefused extends NotReady {
  constructor(scheduleIds: readonly string[], cause: unknown) {
    super(
      `the server refuses the schedules ${scheduleIds.join(', ')}, so what they start does not run; let the worker ` +
        'create, describe and update schedules in its namespace',
      { cause },
    );
  }
}

/**
 * Sees to it that housekeeping runs each hour, and at once where it never ran, and audits and the search for orphans as
 * often as they are wanted. What people have changed stays: a pause, a note, and another interval, calendar or policy.
 * @throws SchedulesRefused
 */
export async function scheduleHousekeeping(client: Client, settings: Settings): Promise<void> {
  await eachSchedule(wantedSchedules(settings), (schedule) => keepSchedule(client, schedule));
  const unwanted = [
    ...(settings.auditEveryMs === 0 ? [AUDIT_SCHEDULE_ID] : []),
    ...(settings.sagaWatchEveryMs === 0 ? [SAGA_WATCH_SCHEDULE_ID] : []),
  ];
  await eachSchedule(
    unwanted.map((scheduleId) => ({ scheduleId })),
    ({ scheduleId }) => dropSchedule(client, scheduleId),
  );
}

/**
 * Makes schedules that are gone; those that exist stay as they are. @returns the ids of those that were made
 * @throws SchedulesRefused
 */
export async function restoreSchedules(client: Client, settings: Settings): Promise<string[]> {
  const made: string[] = [];
  await eachSchedule(wantedSchedules(settings), async (schedule) => {
    if (await createSchedule(client, schedule)) made.push(schedule.scheduleId);
  });
  return made;
}

/** A refusal of one is no reason to leave out the others. @throws SchedulesRefused */
async function eachSchedule<T extends { readonly scheduleId: string }>(
  schedules: readonly T[],
  act: (schedule: T) => Promise<unknown>,
): Promise<void> {
  const refused: string[] = [];
  let why: unknown;
  for (const schedule of schedules) {
    try {
      await act(schedule);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      why ??= error;
      refused.push(schedule.scheduleId);
    }
  }
  if (refused.length > 0) throw new SchedulesRefused(refused, why);
}

const wantedSchedules = ({ auditEveryMs, sagaWatchEveryMs }: Settings): readonly Schedule[] => [
  ...housekeeping,
  ...(auditEveryMs > 0 ? [auditing(auditEveryMs)] : []),
  ...(sagaWatchEveryMs > 0 ? [watchingSagas(sagaWatchEveryMs)] : []),
];

async function keepSchedule(client: Client, schedule: Schedule): Promise<void> {
  if (await createSchedule(client, schedule)) return;
  const handle = client.schedule.getHandle(schedule.scheduleId);
  const wanted = optionsOf(schedule);
  const everyMs = wanted.spec.intervals[0].every;
  // Another interval is set since; else there is nothing to change, whatever people have made of the rest.
  if (everyMsOf(await handle.describe()) === everyMs) return;
  await handle.update((present) => ({
    ...wanted,
    spec: isAsSet(present) ? wanted.spec : present.spec,
    policies: present.policies,
    state: present.state,
  }));
}

/** The interval that the worker has set last; undefined where something else has made the schedule or its action. */
function everyMsOf({ action }: ScheduleDescription): number | undefined {
  const everyMs = action.memo?.[EVERY_MEMO];
  return typeof everyMs === 'number' ? everyMs : undefined;
}

/** Whether the times of a schedule are those that the worker has set. */
function isAsSet(present: ScheduleDescription): boolean {
  const { intervals = [], calendars = [], skip = [], startAt, endAt, jitter } = present.spec;
  const [interval] = intervals;
  return (
    intervals.length === 1 &&
    interval?.every === everyMsOf(present) &&
    (interval?.offset ?? 0) === 0 &&
    calendars.length + skip.length === 0 &&
    !startAt &&
    !endAt &&
    (jitter ?? 0) === 0
  );
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
