import { UNLIMITED } from './temporal-settings.ts';
import type { DatabaseAccess } from './temporal-schema.ts';

/** Ports of a server's parts, all on the loopback interface: gRPC, and the ring that tells who runs where. */
export type ServicePorts = Readonly<Record<Service, { readonly grpc: number; readonly membership: number }>>;

export const services = ['frontend', 'history', 'matching', 'worker'] as const;
type Service = (typeof services)[number];

interface ServerConfig {
  readonly access: DatabaseAccess;
  readonly databases: { readonly temporal: string; readonly visibility: string };
  readonly ports: ServicePorts;
  readonly dynamicConfigFile: string;
}

const LOOPBACK = '127.0.0.1';
const CLUSTER = 'active';
/** Fixed in the database by its first start; a handful is what one small machine can use. */
const HISTORY_SHARDS = 4;
/** For each of the four parts: the sum has to leave room below PostgreSQL's `max_connections`. */
const MAX_CONNECTIONS = 15;
const MAX_VISIBILITY_CONNECTIONS = 4;

/** Configuration of a whole Temporal server in one process. JSON, which YAML readers take. */
export function serverConfig({ access, databases, ports, dynamicConfigFile }: ServerConfig): string {
  const frontend = `${LOOPBACK}:${ports.frontend.grpc}`;
  const store = (databaseName: string, maxConns: number): object => ({
    sql: {
      pluginName: 'postgres12_pgx',
      databaseName,
      connectAddr: `${access.host}:${access.port}`,
      connectProtocol: 'tcp',
      // It becomes part of a URL as it is; the password is escaped by the server.
      user: encodeURIComponent(access.user),
      password: access.password,
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  });
  return JSON.stringify({
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: HISTORY_SHARDS,
      datastores: {
        default: store(databases.temporal, MAX_CONNECTIONS),
        visibility: store(databases.visibility, MAX_VISIBILITY_CONNECTIONS),
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: LOOPBACK } },
    services: Object.fromEntries(
      services.map((service) => {
        const { grpc, membership } = ports[service];
        return [service, { rpc: { grpcPort: grpc, membershipPort: membership, bindOnIP: LOOPBACK } }];
      }),
    ),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: CLUSTER,
      currentClusterName: CLUSTER,
      clusterInformation: {
        [CLUSTER]: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: frontend },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    namespaceDefaults: {
      archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    },
    publicClient: { hostPort: frontend },
    dynamicConfigClient: { filepath: dynamicConfigFile, pollInterval: '1h' },
  });
}

const DYNAMIC_CONFIG = {
  ...UNLIMITED,
  'frontend.persistenceMaxQPS': 45_000,
  'history.persistenceMaxQPS': 45_000,
  'system.enableActivityEagerExecution': true,
  'frontend.enableUpdateWorkflowExecution': true,
  'frontend.enableExecuteMultiOperation': true,
  // An attribute can be used as soon as it is registered, at the price of a read each time.
  'system.forceSearchAttributesCacheRefreshOnRead': true,
  // It wants a port for HTTP and complains without one.
  'system.enableNexus': false,
};

export const dynamicConfig = (): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(DYNAMIC_CONFIG).map(([key, value]) => [key, [{ value }]])),
  );
