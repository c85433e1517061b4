import type { z } from 'zod';
import { isFromStack, isInEnvironment, loadConfig, postgresVariables, profileOrigin } from './config.ts';
import { messageOf } from './error-serializer.ts';
import { problemWithServer } from './readiness.ts';
import { configOrExit } from './run-process.ts';
import { shownAddress } from './shown-address.ts';
import { terminal } from './terminal.ts';

/** What a maintenance command works on, by the setting that says where it is. */
const servers = {
  DATABASE_URL: 'PostgreSQL',
  READ_DATABASE_URL: 'PostgreSQL with the read tables',
  NATS_URL: 'NATS',
  TEMPORAL_ADDRESS: 'Temporal',
} as const;
type ServerSetting = keyof typeof servers;
type Addresses = Readonly<Partial<Record<ServerSetting, string | undefined>>> & {
  readonly TEMPORAL_NAMESPACE?: string;
};

/** Without a password, which has no business in a terminal. */
function addressOf(setting: ServerSetting, config: Addresses): string {
  const address = config[setting];
  if (address === undefined) {
    const { PGHOST, PGPORT, PGDATABASE } = loadConfig(postgresVariables);
    return `${PGHOST}:${PGPORT}${PGDATABASE === undefined ? '' : `/${PGDATABASE}`}`;
  }
  return shownAddress(address);
}

const originOf = (setting: ServerSetting, config: Addresses): string => {
  if (isFromStack(setting)) return 'of npm start';
  if (config[setting] !== undefined && isInEnvironment(setting)) return setting;
  if (setting === 'TEMPORAL_ADDRESS') return profileOrigin(setting) ?? 'default';
  return setting === 'DATABASE_URL' ? 'PG* variables or their defaults' : 'default';
};

/** The read tables are in the write database unless another is named. */
const usedOf = (uses: readonly ServerSetting[], config: Addresses): ServerSetting[] => [
  ...new Set(
    uses.map((setting) =>
      setting === 'READ_DATABASE_URL' && config[setting] === undefined ? 'DATABASE_URL' : setting,
    ),
  ),
];

function connectionsOf(uses: readonly ServerSetting[], config: Addresses): string {
  const named = uses.map((setting) => {
    const namespace =
      setting === 'TEMPORAL_ADDRESS' ? `, namespace ${config.TEMPORAL_NAMESPACE ?? 'default'}` : '';
    return `${servers[setting]} ${addressOf(setting, config)}${namespace} (${originOf(setting, config)})`;
  });
  return `connects to ${named.join('; ')}`;
}

/** For a server that does not answer: where it was looked for, and what to do. */
export const outOfReach = (setting: ServerSetting, config: Addresses): string =>
  `${servers[setting]} cannot be reached at ${addressOf(setting, config)}; start it, for example with npm start, or set ${setting}`;

/** Of a connection that failed, or of the first of several that were tried. */
function portIn(error: unknown): number | undefined {
  const tried: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return tried instanceof Error && 'port' in tried && typeof tried.port === 'number' ? tried.port : undefined;
}

export interface ToolConfig<T> {
  readonly config: T;
  /** An error in one line, with what to do about it where that is known. */
  readonly explain: (error: unknown) => string;
}

/**
 * The settings of a maintenance command. Says on stderr what it connects to; an error that nothing catches is told in one
 * line, where it is one that a setting or a server explains.
 * @param uses the servers that the command works on
 * @param code of the process when it fails
 */
export function configureTool<T extends z.ZodObject>(
  schema: T,
  uses: readonly ServerSetting[],
  code = 1,
): ToolConfig<z.infer<T>> {
  const config = configOrExit(() => loadConfig(schema), code);
  const addresses: Addresses = config;
  const used = usedOf(uses, addresses);
  terminal.error(connectionsOf(used, addresses));
  // The clients of NATS and Temporal are waited for, and the command says itself when it has waited in vain.
  const databases = used.filter((setting) => setting.endsWith('DATABASE_URL'));
  const reasonOf = (error: unknown): string | undefined => {
    const problem = problemWithServer(error);
    const port = portIn(error) ?? '';
    const database =
      databases.find((setting) => addressOf(setting, addresses).includes(`:${port}/`)) ?? databases[0];
    if (problem === undefined || database === undefined) return undefined;
    if (problem === 'OUT_OF_REACH') return outOfReach(database, addresses);
    return `PostgreSQL at ${addressOf(database, addresses)} refuses the connection: ${messageOf(error)}; correct ${database}`;
  };
  process.on('uncaughtException', (error) => {
    terminal.error(reasonOf(error) ?? error.stack ?? String(error));
    process.exit(code);
  });
  return { config, explain: (error) => reasonOf(error) ?? messageOf(error) };
}
