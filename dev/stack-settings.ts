import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { StackConfig } from './dev-config.ts';
import { bundleCache } from './servers/cache.ts';
import type { PortUse } from './servers/free-port.ts';

/** One of the processes of the system, as the stack runs it. */
export interface StackProcess {
  readonly name: string;
  /** File below the project's root. */
  readonly entry: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Name of the preparation that it waits for. */
  readonly after?: string;
}

/** Something that runs to its end. */
export interface StackTask {
  readonly name: string;
  readonly entry: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What saves time when it is done while the servers start; a stack starts also without it. */
export const stackPreparations = (cache: string): readonly StackTask[] => [
  { name: 'workflow-bundle', entry: 'dev/workflow-bundle.main.ts', env: keptBundles(cache) },
];

const keptBundles = (cache: string): Record<string, string> => ({
  WORKFLOW_BUNDLE_CACHE: bundleCache(cache),
});

/** Before the processes start, in this order. */
export const stackTasks: readonly StackTask[] = [
  { name: 'migrate', entry: 'db/migrate.main.ts' },
  { name: 'seed', entry: 'dev/seed.main.ts' },
];

/** On a developer's machine one caller is everybody, load generators among them. */
const noRateLimit = { RATE_LIMIT_PER_MINUTE: '0' };

/**
 * The four processes; each is deployed by the same entry point.
 * @param auth settings by which the APIs find out who asks
 * @param cache folder that keeps what takes long to make
 */
export const stackProcesses = (
  config: StackConfig,
  auth: Readonly<Record<string, string>>,
  cache: string,
): StackProcess[] => [
  {
    name: 'command-api',
    entry: 'api/command.main.ts',
    port: config.COMMAND_API_PORT,
    // Whoever tries an order with curl need not think of a key.
    env: { ...auth, ...noRateLimit, IDEMPOTENCY_KEY_REQUIRED: 'false' },
  },
  {
    name: 'query-api',
    entry: 'api/query.main.ts',
    port: config.QUERY_API_PORT,
    env: { ...auth, ...noRateLimit },
  },
  {
    name: 'worker',
    entry: 'worker/worker.main.ts',
    port: config.WORKER_PORT,
    env: { FAULT_DIALS: 'true', ...keptBundles(cache) },
    after: 'workflow-bundle',
  },
  { name: 'projector', entry: 'projections/projector.main.ts', port: config.PROJECTOR_PORT },
];

/** Every port that this stack will listen on, with the variable that moves it. */
export const portsInUse = (config: StackConfig): PortUse[] => [
  ...(['PORT', 'COMMAND_API_PORT', 'QUERY_API_PORT', 'WORKER_PORT', 'PROJECTOR_PORT'] as const).map(
    named(config),
  ),
  ...(config.DATABASE_URL === undefined ? [named(config)('POSTGRES_PORT')] : []),
  ...(config.NATS_URL === undefined ? [named(config)('NATS_PORT')] : []),
  ...(config.TEMPORAL_ADDRESS === undefined
    ? (['TEMPORAL_PORT', 'TEMPORAL_UI_PORT'] as const).map(named(config))
    : []),
];

type PortVariable = Extract<keyof StackConfig, 'PORT' | `${string}_PORT`>;
const named =
  (config: StackConfig) =>
  (variable: PortVariable): PortUse => ({ variable, port: config[variable] });

/**
 * Where a stack keeps its data. By default in the cache and not in the clone, which the user that PostgreSQL runs as
 * may be shut out of; each clone has its own.
 */
export function dataDirOf(config: StackConfig, cache: string, projectRoot: string): string {
  if (config.DATA_DIR !== undefined) return resolve(projectRoot, config.DATA_DIR);
  const clone = createHash('sha256').update(resolve(projectRoot)).digest('hex').slice(0, 12);
  return join(cache, 'stacks', clone);
}
