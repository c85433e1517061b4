import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../domain/topology.ts';
import type { Logger } from '../platform/logger.ts';
import { NotReady } from '../platform/readiness.ts';

interface TemporalSettings {
  readonly address: string;
  readonly namespace: string;
  /** Set: TLS and this key are used. */
  readonly apiKey?: string | undefined;
}

const RETRY_MS = 1_000;
const REQUEST_LIMIT_MS = 10_000;
/** `INDEXED_VALUE_TYPE_KEYWORD` in Temporal's API. */
const KEYWORD = 2;

/**
 * Connects, trying until the server answers, and sees to it that the sagas' search attributes exist: a workflow that
 * sets an unknown one never gets on. @returns undefined when aborted before.
 */
export async function connectTemporal(
  settings: TemporalSettings,
  logger: Logger,
  signal: AbortSignal,
): Promise<NativeConnection | undefined> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    let connection: NativeConnection | undefined;
    try {
      connection = await NativeConnection.connect({
        address: settings.address,
        ...(settings.apiKey === undefined ? {} : { tls: true, apiKey: settings.apiKey }),
      });
      await registerSearchAttributes(connection, settings.namespace);
      return connection;
    } catch (error) {
      await connection?.close();
      if (attempt === 1)
        logger.warn({ err: error }, `Temporal at ${settings.address} is not ready; trying until it is`);
      await pause(RETRY_MS, undefined, { signal }).catch((aborted: unknown) => {
        if (!signal.aborted) throw aborted;
      });
    }
  }
  return undefined;
}

/**
 * Registers the sagas' search attributes that the namespace lacks. @returns their names
 * @throws Error naming what is missing where the server does not allow adding attributes, as Temporal Cloud
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<string[]> {
  const { operatorService } = connection;
  const names = Object.values(SEARCH_ATTRIBUTES);
  return connection.withDeadline(Date.now() + REQUEST_LIMIT_MS, async () => {
    const present = await operatorService.listSearchAttributes({ namespace });
    const missing = names.filter((name) => present.customAttributes[name] === undefined);
    if (missing.length === 0) return [];
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
    return missing;
  });
}

/** Readiness: rejects while the server does not answer. */
export async function pingTemporal(
  connection: NativeConnection | undefined,
  namespace: string,
): Promise<void> {
  if (!connection) throw new NotReady('not connected yet');
  await connection.withDeadline(Date.now() + REQUEST_LIMIT_MS, () =>
    connection.workflowService.describeNamespace({ namespace }),
  );
}
