import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { relayWorkflowId } from '../domain/topology.ts';
import type { Logger } from '../platform/logger.ts';
import { pauseUnlessAborted } from '../platform/pace.ts';
import type { NotReady } from '../platform/readiness.ts';
import { createReminder } from '../platform/reminder.ts';
import type { TemporalServer } from '../platform/temporal/settings.ts';
import { scheduleHousekeeping, restoreSchedules, SchedulesRefused } from './housekeeping.ts';
import { restoreRelays, startRelays, type RelayState } from './relays.ts';
import { registerSearchAttributes, SearchAttributesMissing } from './search-attributes.ts';
import { detailsOf, problemOf, sayingOf } from './temporal-connection.ts';

interface Deps {
  readonly server: TemporalServer;
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly logger: Logger;
  readonly auditEveryMs: number;
  readonly sagaWatchEveryMs: number;
  /** Told how each shard's relay is; undefined while Temporal does not say. */
  readonly onRelays: (states: readonly RelayState[] | undefined) => void;
  /** Told why the server takes no schedules; undefined while it does. */
  readonly onSchedules: (problem: NotReady | undefined) => void;
  /** Told why Temporal cannot be used, or not as the sagas need it; undefined while it can. */
  readonly onProblem: (problem: NotReady | undefined) => void;
  /** Told once the relays run and the schedules are made, as far as the server takes these. */
  readonly onPrepared: () => void;
}

const EVERY_MS = 20_000;
/** After something was missing or Temporal did not answer, it is looked after sooner. */
const SOON_MS = 2_000;
const WITHIN_MS = 10_000;

/**
 * Starts the relays and makes the schedules, then puts back what Temporal has lost or people have removed, until
 * aborted: the sagas' search attributes, the relays and the schedules. What exists stays as it is, so a schedule that
 * people have paused stays paused.
 */
export async function keepAlive(deps: Deps, signal: AbortSignal): Promise<void> {
  const { logger, server } = deps;
  const reminder = createReminder();
  let isPrepared = false;
  let hasFailed = false;
  while (!signal.aborted) {
    let isWhole = false;
    try {
      isWhole = await restoreAll(deps, isPrepared);
      if (!isPrepared) deps.onPrepared();
      isPrepared = true;
      if (hasFailed) logger.info('Temporal has relays, schedules and search attributes again');
      hasFailed = false;
      reminder.clear();
      deps.onProblem(undefined);
    } catch (error) {
      hasFailed = true;
      const problem = await problemOf(error, server);
      deps.onProblem(problem);
      if (!(problem instanceof SearchAttributesMissing)) deps.onRelays(undefined);
      if (reminder.isDue(problem.message))
        logger.warn(
          { err: problem, ...detailsOf(problem) },
          `relays, schedules and search attributes cannot be looked after: ${sayingOf(problem, server)}; trying until they can`,
        );
    }
    await pauseUnlessAborted(isWhole ? EVERY_MS : SOON_MS, signal);
  }
}

/**
 * @param isPrepared false for the first time, when all that is missing is only made
 * @returns whether nothing was missing
 */
async function restoreAll(deps: Deps, isPrepared: boolean): Promise<boolean> {
  const { connection, client, logger, onRelays } = deps;
  const { namespace } = client.options;
  // First: a saga that sets an unknown attribute never gets on.
  let missing: SearchAttributesMissing | undefined;
  const attributes = await connection.withDeadline(Date.now() + WITHIN_MS, async () => {
    try {
      return (await registerSearchAttributes(connection, namespace)).added;
    } catch (error) {
      if (!(error instanceof SearchAttributesMissing)) throw error;
      missing = error;
      return [];
    }
  });
  const within = <T>(act: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + WITHIN_MS, act);
  // How the relays are is asked from the second time on: those that were just started do not publish yet.
  const relays = isPrepared ? await within(() => restoreRelays(client)) : undefined;
  if (!isPrepared) await within(() => startRelays(client));
  const schedules = await within(() => keepSchedules(deps, isPrepared));
  if (relays) onRelays(relays);
  const gone = (relays ?? []).flatMap((state, shard) => (state === 'GONE' ? [relayWorkflowId(shard)] : []));
  if (attributes.length > 0)
    logger.warn({ attributes }, 'search attributes were missing and are registered again');
  if (gone.length > 0) logger.warn({ workflowIds: gone }, 'relays were gone and are started again');
  if (schedules.length > 0) logger.warn({ scheduleIds: schedules }, 'schedules were gone and are made again');
  if (missing) throw missing;
  return (
    attributes.length + gone.length + schedules.length === 0 &&
    relays?.every((state) => state === 'PUBLISHES') === true
  );
}

/** What is refused is reported; the worker goes on without. @returns the ids of schedules that were gone and are made */
async function keepSchedules(
  { client, onSchedules, ...settings }: Deps,
  isPrepared: boolean,
): Promise<string[]> {
  try {
    const made = isPrepared
      ? await restoreSchedules(client, settings)
      : (await scheduleHousekeeping(client, settings), []);
    onSchedules(undefined);
    return made;
  } catch (error) {
    if (!(error instanceof SchedulesRefused)) throw error;
    onSchedules(error);
    return [];
  }
}
