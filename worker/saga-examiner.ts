import {
  examineSagas,
  findFailing,
  MOST_LISTED,
  type ExamineDeps,
} from '../activities/saga-watch/examine-sagas.ts';
import type { Knex } from '../db/connection.ts';
import { addFailingSagas, knownFailing, recordSagaHealth, takeExaminationTurn } from '../db/saga-health.ts';
import type { FailingSaga } from '../domain/saga-health.ts';
import { messageOf } from '../platform/error-serializer.ts';
import type { Logger } from '../platform/logger.ts';
import { pauseUnlessAborted } from '../platform/pace.ts';
import type { TaskFailureSighting } from './temporal-runtime.ts';

interface Deps extends Omit<ExamineDeps, 'signal'> {
  /** Database of the read tables, which takes what is found. */
  readonly readDb: Knex;
  /** How often all sagas are examined, by whichever worker, in ms. */
  readonly everyMs: number;
  /** Told of each saga that is found failing, each time it is. */
  readonly onFailing: (sagas: readonly FailingSaga[]) => void;
  readonly logger: Logger;
}

interface SagaExaminer {
  /** Takes a failure that this worker has seen; the saga is looked at a moment later. */
  readonly suspect: (sighting: TaskFailureSighting) => void;
  /** Examines sagas until aborted. Needs a client of Temporal. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** A task that fails once is repeated at once; one that has not succeeded after this fails again and again. */
const LOOK_AFTER_MS = 3_000;
const TICK_MS = 1_000;
/** How often a worker asks whether it is its turn to examine all sagas. */
const ASK_EVERY_MS = 5_000;
/** Beyond these the next examination finds what else fails. */
const MOST_SUSPECTS = MOST_LISTED;

/**
 * Finds failing and slow sagas: those that fail in this worker within seconds, and all others with the examination, which
 * one of the workers makes in each interval. It is no workflow, because it has to work where the workflow code does not.
 */
export function createSagaExaminer(deps: Deps): SagaExaminer {
  const { readDb, everyMs, logger } = deps;
  /** By workflow or run, with when the failure was seen, in ms. */
  const suspects = new Map<string, TaskFailureSighting & { readonly at: number }>();
  let askAgainAt = 0;
  let lastFailure: string | undefined;

  const lookAtSuspects = async (signal: AbortSignal): Promise<void> => {
    const due = [...suspects].filter(([, { at }]) => performance.now() - at >= LOOK_AFTER_MS);
    if (due.length === 0) return;
    const runIds = due.flatMap(([, { runId }]) => runId ?? []);
    const workflowIds = due.flatMap(([, { workflowId }]) => workflowId ?? []);
    const listed = await deps.tasks.workflowsOf(runIds);
    const failing = await findFailing({ ...deps, signal }, [...workflowIds, ...listed]);
    await addFailingSagas(readDb, failing);
    for (const [key] of due) suspects.delete(key);
    deps.onFailing(failing);
  };

  const examineInTurn = async (signal: AbortSignal): Promise<void> => {
    if (performance.now() < askAgainAt) return;
    askAgainAt = performance.now() + Math.min(ASK_EVERY_MS, everyMs);
    const beganAt = await takeExaminationTurn(readDb, everyMs);
    if (!beganAt) return;
    const health = await examineSagas({ ...deps, signal }, await knownFailing(readDb, MOST_LISTED));
    await recordSagaHealth(readDb, health, beganAt);
    deps.onFailing(health.failing);
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    const looks = await Promise.allSettled([lookAtSuspects(signal), examineInTurn(signal)]);
    const failed = looks.find((each) => each.status === 'rejected');
    const failure = failed && messageOf(failed.reason);
    // Once for each cause, and not with every attempt.
    if (failed && !signal.aborted && failure !== lastFailure)
      logger.warn({ err: failed.reason as unknown }, 'sagas cannot be examined; trying until they can');
    lastFailure = failure;
  };

  return {
    suspect: (sighting) => {
      const key = sighting.workflowId ?? sighting.runId;
      if (suspects.size < MOST_SUSPECTS && !suspects.has(key))
        suspects.set(key, { ...sighting, at: performance.now() });
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await look(signal);
        await pauseUnlessAborted(Math.min(TICK_MS, everyMs), signal);
      }
    },
  };
}
