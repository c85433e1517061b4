import { Client } from '@temporalio/client';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Capability } from '../domain/order-saga.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from '../messaging/connection.ts';
import type { Logger } from '../platform/logger.ts';
import { startRelays } from './relays.ts';
import { runOrderSagaStarter } from './saga-starter.ts';
import { connectTemporal } from './temporal-connection.ts';
import { createWorkers, workflowBundle, type WorkerDeps } from './workers.ts';

interface Deps extends Omit<WorkerDeps, 'connection' | 'bundle'> {
  readonly address: string;
  readonly apiKey: string | undefined;
  readonly builtBundle: string | undefined;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly localSteps: readonly Capability[];
  readonly logger: Logger;
  /** Told once Temporal is reached. */
  readonly onConnected: (connection: NativeConnection) => void;
}

/**
 * Runs all that needs Temporal – workers, relays, the saga starter – from the moment it answers until aborted; then
 * drains. @throws Error when a worker cannot go on.
 */
export async function runTemporalSide(deps: Deps, signal: AbortSignal): Promise<void> {
  const { logger, namespace } = deps;
  const bundle = await workflowBundle(deps.builtBundle);
  const connection = await connectTemporal({ ...deps, namespace }, logger, signal);
  if (!connection) return;
  try {
    const workers = await createWorkers({ ...deps, connection, bundle });
    const client = new Client({ connection, namespace });
    const running = runAll(workers, signal);
    await startRelays(client);
    deps.onConnected(connection);
    logger.info('workers are polling');
    await Promise.all([running, runOrderSagaStarter({ ...deps, client }, signal)]);
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
