import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from './free-port.ts';
import { findTemporalServer } from './known-servers.ts';
import { startServer, type RunningServer, type ServerOptions } from './start-server.ts';
import { dynamicConfig, serverConfig, services, type ServicePorts } from './temporal-config.ts';
import { prepareNamespace, type SearchAttributes } from './temporal-namespace.ts';
import { accessTo, prepareDatabase } from './temporal-schema.ts';

interface TemporalOnPostgresOptions extends ServerOptions {
  /** A database of the PostgreSQL server, as a user who may make databases there. */
  readonly databaseUrl: string;
  /** Names of its two databases, made when they are not there. Default: `temporal`, `temporal_visibility`. */
  readonly databases?: { readonly temporal: string; readonly visibility: string };
  /** Made when it is not there. Default: `default`. */
  readonly namespace?: string;
  /** How long it keeps ended workflows, when it is made now. Default 3. */
  readonly retentionDays?: number;
  /** Ports that are free still but will be wanted by others. */
  readonly avoidPorts?: readonly number[];
  /** Registered in the namespace where they are missing. */
  readonly searchAttributes?: SearchAttributes;
}

interface TemporalOnPostgres extends RunningServer {
  /** `127.0.0.1:<port>` */
  readonly address: string;
}

/**
 * Shorter than for others: soon after its start it takes long to end, because its own workers wait for parts of it
 * that have ended. What it has acknowledged is in PostgreSQL already, so that being killed costs it nothing.
 */
const STOP_LIMIT_MS = 1_500;

/**
 * A whole Temporal server in one process, with its data in PostgreSQL. Two of them must not share their databases:
 * they would take each other for parts of one cluster. @throws StartError with the end of its log.
 */
export async function startTemporalOnPostgres(
  options: TemporalOnPostgresOptions,
): Promise<TemporalOnPostgres> {
  const { databaseUrl, dir, port } = options;
  const databases = options.databases ?? { temporal: 'temporal', visibility: 'temporal_visibility' };
  const access = accessTo(databaseUrl);
  const { server: command, sqlTool } = await findTemporalServer(options);
  await Promise.all([
    prepareDatabase({ databaseUrl, sqlTool }, databases.temporal, 'temporal', options),
    prepareDatabase({ databaseUrl, sqlTool }, databases.visibility, 'visibility', options),
  ]);

  const config = join(dir, 'config');
  await mkdir(config, { recursive: true, mode: 0o700 });
  const dynamicConfigFile = join(config, 'dynamic.yaml');
  await writeFile(dynamicConfigFile, dynamicConfig());
  const settings = serverConfig({ access, databases, ports: await choosePorts(options), dynamicConfigFile });
  await writeFile(join(config, 'base.yaml'), settings, { mode: 0o600 }); // it holds the password

  const address = `127.0.0.1:${port}`;
  const wanted = {
    name: options.namespace ?? 'default',
    retentionDays: options.retentionDays ?? 3,
    searchAttributes: options.searchAttributes ?? {},
  };
  const server = await startServer(options, {
    name: 'Temporal',
    command,
    args: ['--root', dir, '--config', 'config', '--allow-no-auth', 'start'],
    cwd: dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 90_000,
    probe: () => prepareNamespace(address, wanted),
  });
  return { ...server, address, stop: (limitMs = STOP_LIMIT_MS) => server.stop(limitMs) };
}

/** Temporal keeps the ports of its ring in columns of 16 bits with a sign: they have to be below 32768. */
async function choosePorts({
  port: frontend,
  avoidPorts = [],
}: TemporalOnPostgresOptions): Promise<ServicePorts> {
  const ports = await freePorts(2 * services.length - 1, [frontend, ...avoidPorts]);
  const next = (): number => {
    const port = ports.pop();
    if (port === undefined) throw new Error('too few ports were asked for');
    return port;
  };
  return {
    frontend: { grpc: frontend, membership: next() },
    history: { grpc: next(), membership: next() },
    matching: { grpc: next(), membership: next() },
    worker: { grpc: next(), membership: next() },
  };
}
