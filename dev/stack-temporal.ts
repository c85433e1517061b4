import { join } from 'node:path';
import type { StackConfig } from './dev-config.ts';
import { guardUi } from './guarded-ui.ts';
import { freePort } from './servers/free-port.ts';
import { reasonOf, StartError } from './servers/progress.ts';
import type { RunningServer, ServerOptions } from './servers/start-server.ts';
import { startTemporal } from './servers/temporal.ts';
import { startTemporalOnPostgres } from './servers/temporal-on-postgres.ts';
import { accessTo } from './servers/temporal-schema.ts';
import { startTemporalUi } from './servers/temporal-ui.ts';
import { portsInUse } from './stack-settings.ts';

interface TemporalAddresses {
  readonly temporalAddress: string;
  readonly temporalUiUrl?: string | undefined;
}

/** Below the folder of Temporal, so that it goes when that is emptied. */
export const UI_FOLDER = 'ui';

type Ready = <T extends RunningServer>(name: string, server: T) => T;

/** The dev server, with the Web UI that is in it. */
export async function startDevTemporal(
  place: ServerOptions,
  config: StackConfig,
  ready: Ready,
): Promise<TemporalAddresses> {
  const hiddenPort = await freePort(portsInUse(config).map(({ port }) => port));
  const temporal = await startTemporal({
    ...place,
    uiPort: hiddenPort,
    namespace: config.TEMPORAL_NAMESPACE,
  });
  const { server, url } = await guardUi(temporal, { hiddenPort, port: config.TEMPORAL_UI_PORT });
  return { temporalAddress: ready('Temporal', server).address, temporalUiUrl: url };
}

/** A server whose data is in this PostgreSQL, and the Web UI beside it. */
export async function startTemporalOn(
  databaseUrl: string,
  place: ServerOptions,
  config: StackConfig,
  ready: Ready,
): Promise<TemporalAddresses> {
  const namespace = config.TEMPORAL_NAMESPACE;
  const databases = databasesFor(config);
  const avoidPorts = portsInUse(config).map(({ port }) => port);
  const options = { ...place, databaseUrl, namespace, avoidPorts, ...(databases ? { databases } : {}) };
  const { address } = ready('Temporal', await startTemporalOnPostgres(options));
  try {
    const dir = join(place.dir, UI_FOLDER);
    const port = config.TEMPORAL_UI_PORT;
    const hiddenPort = await freePort(avoidPorts);
    const beside = { ...place, dir, port: hiddenPort, shownAt: port, temporalAddress: address, namespace };
    const { server, url } = await guardUi(await startTemporalUi(beside), { hiddenPort, port });
    ready('Temporal Web UI', server);
    return { temporalAddress: address, temporalUiUrl: url };
  } catch (error) {
    place.signal?.throwIfAborted();
    if (!(error instanceof StartError)) throw error;
    place.progress(`going on without Temporal's Web UI: ${reasonOf(error)}`); // orders need it for nothing
    return { temporalAddress: address };
  }
}

/** On a server that was given they are named after its database: two stacks there must not meet in one Temporal. */
function databasesFor(config: StackConfig): { temporal: string; visibility: string } | undefined {
  if (config.DATABASE_URL === undefined) return undefined;
  const { database } = accessTo(config.DATABASE_URL);
  return { temporal: `${database}_temporal`, visibility: `${database}_temporal_visibility` };
}
