import { Client, Connection } from '@temporalio/client';
import { dataConverter } from '../platform/temporal-data.ts';
import { diagnose } from '../platform/temporal/connection-problem.ts';
import type { TemporalServer } from '../platform/temporal/settings.ts';
import { outOfReach } from '../platform/tool.ts';

const CONNECT_WITHIN_MS = 10_000;

/** For a command that runs and ends. @throws Error that says why Temporal cannot be used, and which setting to change */
export async function connectClient(
  server: TemporalServer,
): Promise<{ client: Client; close: () => Promise<void> }> {
  const { connection: options, namespace } = server;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ ...options, connectTimeout: CONNECT_WITHIN_MS });
    const { workflowService } = connection;
    await connection.withDeadline(Date.now() + CONNECT_WITHIN_MS, () =>
      workflowService.describeNamespace({ namespace }),
    );
  } catch (cause) {
    await connection?.close();
    const { kind, message } = await diagnose(cause, server);
    const isAway = kind === 'REFUSED' || kind === 'NO_ANSWER';
    throw new Error(
      isAway
        ? outOfReach('TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: options.address })
        : `Temporal at ${options.address}, namespace ${namespace}: ${message}`,
      { cause },
    );
  }
  const connected = connection;
  return {
    client: new Client({ connection: connected, namespace, dataConverter }),
    close: () => connected.close(),
  };
}
