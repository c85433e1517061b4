import { Client } from '@temporalio/client';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { ParcelNotified } from '../activities/shipping/carrier.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import { watchDeployment } from './deployment-watch.ts';
import { createDeployments, type VersionStatus } from './deployments.ts';
import { scheduleHousekeeping } from './housekeeping.ts';
import { keepAlive } from './keep-alive.ts';
import { createParcelNotices, type OrderHasEnded } from './parcel-notices.ts';
import { startRelays, type RelayState } from './relays.ts';
import { runSagaStarters, type StarterDeps } from './saga-starters.ts';
import { connectTemporal } from './temporal-connection.ts';
import { workflowBundle } from './workflow-bundle.ts';
import { createWorkers, type WorkerDeps } from './workers.ts';

interface Deps extends Omit<WorkerDeps, 'connection' | 'bundle'>, Omit<StarterDeps, 'client'> {
  readonly address: string;
  readonly apiKey: string | undefined;
  /** Where the code of the workflows comes from. */
  readonly bundle: Parameters<typeof workflowBundle>[0];
  /** Runs the carrier's side until aborted: what it tells is passed on to the shipment sagas. */
  readonly runCarrier: (notify: ParcelNotified, signal: AbortSignal) => Promise<void>;
  /** How often the audit runs, in ms; 0 for never. */
  readonly auditEveryMs: number;
  /** How often orders without a saga are looked for, in ms; 0 for never. */
  readonly sagaWatchEveryMs: number;
  /** Told how each shard's relay is; undefined while Temporal does not say. */
  readonly onRelays: (states: readonly RelayState[] | undefined) => void;
  readonly hasEnded: OrderHasEnded;
  /** Told what Temporal does with this worker's version; undefined while it does not say. */
  readonly onVersion: (status: VersionStatus | undefined) => void;
  /** Told once Temporal is reached. */
  readonly onConnected: (connection: NativeConnection, client: Client) => void;
}

/**
 * Runs all that needs Temporal – workers, relays, saga starters, the carrier's notices – from the moment it answers
 * until aborted; then drains. @throws Error when a worker cannot go on.
 */
export async function runTemporalSide(deps: Deps, signal: AbortSignal): Promise<void> {
  const { logger, namespace, deploymentVersion: version } = deps;
  const bundle = await workflowBundle(deps.bundle);
  const connection = await connectTemporal({ ...deps, namespace }, logger, signal);
  if (!connection) return;
  try {
    const workers = await createWorkers({ ...deps, connection, bundle });
    const client = new Client({ connection, namespace, dataConverter });
    const running = runAll(workers, signal);
    await startRelays(client);
    await scheduleHousekeeping(client, deps);
    deps.onConnected(connection, client);
    logger.info('workers are polling');
    await Promise.all([
      running,
      runSagaStarters({ ...deps, client }, signal),
      deps.runCarrier(createParcelNotices(client, deps.hasEnded), signal),
      keepAlive({ ...deps, connection, client }, signal),
      version &&
        watchDeployment(
          { deployments: createDeployments(client), version, onStatus: deps.onVersion, logger },
          signal,
        ),
    ]);
  } finally {
    await connection.close();
  }
}

/** Runs the workers until aborted; when one fails the others are shut down too. */
async function runAll(workers: readonly Worker[], signal: AbortSignal): Promise<void> {
  const shutDown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  signal.addEventListener('abort', shutDown);
  const runs = workers.map((worker) =>
    worker.run().catch((error: unknown) => {
      shutDown();
      throw error;
    }),
  );
  if (signal.aborted) shutDown();
  await Promise.allSettled(runs);
  await Promise.all(runs);
}
