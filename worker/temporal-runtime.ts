import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';
import type { Logger } from '../platform/logger.ts';

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** A workflow task that this worker could not complete. */
export type TaskFailureSighting =
  | { readonly workflowId: string; readonly runId?: undefined }
  | { readonly workflowId?: undefined; readonly runId: string };

/**
 * Sets the SDK up for this process: its logs go through ours, and its metrics can be read. Call it once, before
 * anything of the SDK is used.
 * @param onTaskFailure is told of each workflow task that fails here
 * @returns a function that reads the runtime's metrics in Prometheus text format
 */
export async function installRuntime(
  logger: Logger,
  onTaskFailure: (sighting: TaskFailureSighting) => void = () => undefined,
): Promise<() => Promise<string>> {
  const address = `127.0.0.1:${await freePort()}`;
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => {
      write(logger, entry);
      const sighting = taskFailureIn(entry);
      if (sighting) onTaskFailure(sighting);
    }),
    // SIGTERM is ours: the starter and the relays stop before the workers do.
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      metrics: {
        prometheus: {
          bindAddress: address,
          countersTotalSuffix: true,
          useSecondsForDurations: true,
          unitSuffix: true,
        },
      },
    },
  });
  return async () => {
    const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return response.text();
  };
}

function write(logger: Logger, { level, message, meta }: LogEntry): void {
  const { error, orderId, traceId, step, code, ...temporal } = { ...meta };
  logger[levels[level]](
    { orderId, traceId, step, code, temporal, ...(error === undefined ? {} : { err: error }) },
    message,
  );
}

/** What the SDK logs about a workflow task that could not be completed; it tells it in no other way with the workflow. */
const TASK_FAILURES = ['Failed to process Workflow Activation', 'Failing workflow task'];

function taskFailureIn({ message, meta }: LogEntry): TaskFailureSighting | undefined {
  if (!TASK_FAILURES.includes(message)) return undefined;
  const { workflowId, runId } = { ...meta } as { workflowId?: string; runId?: string };
  if (workflowId !== undefined) return { workflowId };
  return runId === undefined ? undefined : { runId };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
