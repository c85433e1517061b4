import { Client } from '@temporalio/client';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { ParcelNotified } from '../activities/shipping/carrier.ts';
import { closingAfter, untilAllEnd } from '../platform/first-error.ts';
import type { NotReady } from '../platform/readiness.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import type { TemporalServer } from '../platform/temporal/settings.ts';
import { createAdmission } from './admission.ts';
import { watchDeployment } from './deployment-watch.ts';
import { createDeployments, type VersionStatus } from './deployments.ts';
import { keepAlive } from './keep-alive.ts';
import { createParcelNotices, type OrderHasEnded } from './parcel-notices.ts';
import type { RelayState } from './relays.ts';
import { runSagaStarters, type StarterDeps } from './saga-starters.ts';
import { connectTemporal } from './temporal-connection.ts';
import { freeForNewSagas } from './slots.ts';
import { workflowBundle } from './workflow-bundle.ts';
import { createWorkers, type WorkerDeps } from './workers.ts';

interface Deps
  extends Omit<WorkerDeps, 'connection' | 'bundle' | 'namespace'>, Omit<StarterDeps, 'client' | 'admission'> {
  readonly server: TemporalServer;
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
  /** Told why the server takes no schedules; undefined while it does. */
  readonly onSchedules: (problem: NotReady | undefined) => void;
  /** Told why Temporal cannot be used; undefined while it can. */
  readonly onProblem: (problem: NotReady | undefined) => void;
  readonly hasEnded: OrderHasEnded;
  /** Told what Temporal does with this worker's version; undefined while it does not say. */
  readonly onVersion: (status: VersionStatus | undefined) => void;
  /** Told when new sagas begin to be held back, and when they no longer are. */
  readonly onHeldBack: (isHeldBack: boolean) => void;
  /** Told once Temporal is reached and has the relays and schedules, as far as it takes these. */
  readonly onConnected: (connection: NativeConnection, client: Client) => void;
}

/**
 * Runs all that needs Temporal – workers, relays, saga starters, the carrier's notices – from the moment it answers
 * until aborted; then drains. @throws Error when a worker cannot go on, and for what only other settings mend
 */
export async function runTemporalSide(deps: Deps, signal: AbortSignal): Promise<void> {
  const { logger, server, deploymentVersion: version } = deps;
  const { namespace } = server;
  const bundle = await workflowBundle(deps.bundle);
  const connection = await connectTemporal(server, deps, signal);
  if (!connection) return;
  const onLater = (error: unknown): void => {
    logger.error({ err: error }, 'another error followed while stopping');
  };
  const run = async (): Promise<void> => {
    const workers = await createWorkers({ ...deps, namespace, connection, bundle });
    const client = new Client({ connection, namespace, dataConverter });
    const onPrepared = (): void => {
      deps.onConnected(connection, client);
      logger.info({ address: server.connection.address, namespace }, 'workers are polling');
    };
    const admission = createAdmission({
      free: () => freeForNewSagas(workers[0], deps.slots),
      onHeldBack: deps.onHeldBack,
    });
    await untilAllEnd(
      [
        ...workers.map((worker) => (stop: AbortSignal) => runWorker(worker, stop)),
        (stop) => runSagaStarters({ ...deps, client, admission }, stop),
        (stop) => deps.runCarrier(createParcelNotices(client, deps.hasEnded), stop),
        (stop) => keepAlive({ ...deps, connection, client, onPrepared }, stop),
        ...(version
          ? [
              (stop: AbortSignal) =>
                watchDeployment(
                  { deployments: createDeployments(client), version, onStatus: deps.onVersion, logger },
                  stop,
                ),
            ]
          : []),
      ],
      signal,
      onLater,
    );
  };
  await closingAfter(run, () => connection.close(), onLater);
}

/** Runs a worker until aborted. */
async function runWorker(worker: Worker, stop: AbortSignal): Promise<void> {
  const shutDown = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  stop.addEventListener('abort', shutDown, { once: true });
  const running = worker.run();
  if (stop.aborted) shutDown();
  await running;
}
