import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { relayWorkflowId } from '../domain/topology.ts';
import type { Logger } from '../platform/logger.ts';
import { restoreSchedules } from './housekeeping.ts';
import { restoreRelays, type RelayState } from './relays.ts';
import { registerSearchAttributes } from './temporal-connection.ts';

interface Deps {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly logger: Logger;
  readonly auditEveryMs: number;
  readonly sagaWatchEveryMs: number;
  /** Told how each shard's relay is; undefined while Temporal does not say. */
  readonly onRelays: (states: readonly RelayState[] | undefined) => void;
}

const EVERY_MS = 20_000;
/** After something was missing or Temporal did not answer, it is looked after sooner. */
const SOON_MS = 2_000;
const WITHIN_MS = 10_000;

/**
 * Puts back what Temporal has lost or people have removed, until aborted: the sagas' search attributes, the relays and
 * the schedules. What exists stays as it is, so a schedule that people have paused stays paused.
 */
export async function keepAlive(deps: Deps, signal: AbortSignal): Promise<void> {
  let lastFailure: string | undefined;
  while (!signal.aborted) {
    let isWhole = false;
    try {
      isWhole = await restoreAll(deps);
      if (lastFailure !== undefined)
        deps.logger.info('Temporal has relays, schedules and search attributes again');
      lastFailure = undefined;
    } catch (error) {
      deps.onRelays(undefined);
      const failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      // Once for each cause, and not with every attempt.
      if (failure !== lastFailure)
        deps.logger.warn(
          { err: error },
          'relays and schedules cannot be looked after; trying until they can',
        );
      lastFailure = failure;
    }
    await pause(isWhole ? EVERY_MS : SOON_MS, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** @returns whether nothing was missing */
async function restoreAll({ connection, client, logger, onRelays, ...settings }: Deps): Promise<boolean> {
  // First: a saga that sets an unknown attribute never gets on.
  const attributes = await registerSearchAttributes(connection, client.options.namespace);
  const [relays, schedules] = await client.withDeadline(Date.now() + WITHIN_MS, async () => [
    await restoreRelays(client),
    await restoreSchedules(client, settings),
  ]);
  onRelays(relays);
  const gone = relays.flatMap((state, shard) => (state === 'GONE' ? [relayWorkflowId(shard)] : []));
  if (attributes.length > 0)
    logger.warn({ attributes }, 'search attributes were missing and are registered again');
  if (gone.length > 0) logger.warn({ workflowIds: gone }, 'relays were gone and are started again');
  if (schedules.length > 0) logger.warn({ scheduleIds: schedules }, 'schedules were gone and are made again');
  return (
    attributes.length + gone.length + schedules.length === 0 && relays.every((state) => state === 'PUBLISHES')
  );
}
