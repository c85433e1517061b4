import { z } from 'zod';
import { authSettings, requireAuthentication } from './auth-settings.ts';
import { isLoopback, LOOPBACK } from './loopback.ts';
import { natsUrl } from './settings/nats-servers.ts';
import {
  buildId,
  credential,
  databaseUrl,
  DAY_MS,
  deadline,
  deploymentName,
  existingFile,
  flag,
  host,
  HOUR_MS,
  isNetwork,
  isOrigin,
  latency,
  list,
  MINUTE_MS,
  partsOf,
  port,
  rate,
  schedule,
  timer,
  webUrl,
  whole,
} from './settings/values.ts';
import { fromProfile, isGiven, metadataOf } from './temporal/environment.ts';
import { METADATA_PREFIX, NO_CONFIG_FILE } from './temporal/profile.ts';
import {
  METADATA,
  requireTemporalAccess,
  temporalNamespaceSettings,
  temporalSettings,
} from './temporal/settings.ts';

/**
 * The only reader of `process.env`. Each process parses just its own settings, once, at start;
 * a bad value stops it with a message that names the variable.
 */

const http = {
  /** Address that the process listens on. Loopback unless told otherwise. */
  HOST: host.default('127.0.0.1'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent',
    })
    .default('info'),
  /** How long a process may take to drain after SIGTERM before it is ended, in ms. */
  SHUTDOWN_TIMEOUT_MS: timer().default(8_000),
};

/** What those who ask one of the two APIs may cost it. Counted in memory: N processes allow N times as much. */
const limits = {
  /** Requests that one caller may make in a minute, each a subject of the authentication. 0: as many as they like. */
  RATE_LIMIT_PER_MINUTE: whole(0, 1_000_000_000).default(600),
  /** Refused tokens in a minute after which a client address is refused unheard. 0: never. */
  AUTH_FAILURES_PER_MINUTE: whole(0, 1_000_000_000).default(30),
  /**
   * Addresses or networks of the proxies whose `X-Forwarded-For` is believed, with commas between. Empty: nobody's,
   * and whoever connects is the client.
   */
  TRUSTED_PROXIES: list.refine((parts) => parts.every(isNetwork), {
    error: 'must be addresses or networks with commas between, such as 127.0.0.1,10.0.0.0/8',
  }),
  /** Web pages of which origins may ask, with commas between. Empty: none of another origin. */
  CORS_ORIGINS: list.refine((parts) => parts.every(isOrigin), {
    error: 'must be origins with commas between, such as https://shop.example.com,http://localhost:5173',
  }),
};

const writeDatabase = {
  /** The write database. Absent: the PG* variables that node-postgres reads itself. */
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_POOL_SIZE: whole(1, 1_000).default(10),
};
const readDatabase = {
  /** Where the read tables are, when that is another server than DATABASE_URL. */
  READ_DATABASE_URL: databaseUrl.optional(),
};
const messaging = {
  /** A server, or several of one cluster with commas between. With tls:// nothing is sent without TLS. */
  NATS_URL: natsUrl.default('nats://127.0.0.1:4222'),
  /** The client reads no credentials from NATS_URL. Both absent: the server asks for none. */
  NATS_USER: credential.optional(),
  NATS_PASSWORD: credential.optional(),
  /** Put before stream and subject names, so that several stacks can share a server. */
  STREAM_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{0,100}$/, 'may hold up to 100 letters, digits, "-" and "_"')
    .default(''),
};
/** Worker Deployment Versioning, by the names that Temporal's worker controller for Kubernetes sets. */
const deployment = {
  /** The Worker Deployment that this worker belongs to. Both absent: it is unversioned. */
  TEMPORAL_DEPLOYMENT_NAME: deploymentName.optional(),
  /** Its version within the deployment: one for each build of the workflows. */
  TEMPORAL_WORKER_BUILD_ID: buildId.optional(),
};
type DeploymentSettings = Partial<Record<keyof typeof deployment, string | undefined>>;

/** A worker that has only one of them would be unversioned, and run the workflows of all versions. */
function requireWholeVersion(
  { TEMPORAL_DEPLOYMENT_NAME: name, TEMPORAL_WORKER_BUILD_ID: build }: DeploymentSettings,
  context: z.RefinementCtx,
): void {
  if ((name === undefined) === (build === undefined)) return;
  const [missing, given] =
    name === undefined
      ? (['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'] as const)
      : (['TEMPORAL_WORKER_BUILD_ID', 'TEMPORAL_DEPLOYMENT_NAME'] as const);
  context.addIssue({
    code: 'custom',
    path: [missing],
    message: `must be set together with ${given}; leave both out for an unversioned worker`,
  });
}

/** The version of a Worker Deployment; undefined for an unversioned worker. */
export const deploymentVersionOf = ({
  TEMPORAL_DEPLOYMENT_NAME: name,
  TEMPORAL_WORKER_BUILD_ID: build,
}: DeploymentSettings): { deploymentName: string; buildId: string } | undefined =>
  name === undefined || build === undefined ? undefined : { deploymentName: name, buildId: build };

/** A password alone would be left out, and nobody would be told. */
function requireNatsUser(
  { NATS_USER, NATS_PASSWORD }: { NATS_USER?: string | undefined; NATS_PASSWORD?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (NATS_PASSWORD !== undefined && NATS_USER === undefined)
    context.addIssue({
      code: 'custom',
      path: ['NATS_USER'],
      message: 'must be set with NATS_PASSWORD, which is of no use without it',
    });
}

const idempotencyKeys = {
  /** How long a repeat with the same Idempotency-Key gets the same order, in ms; the worker removes older keys. */
  IDEMPOTENCY_KEY_TTL_MS: whole(1_000, 365 * DAY_MS).default(DAY_MS),
};

const audits = {
  /**
   * The longest that what is committed may take to the read tables, and that the books of provider or carrier may be
   * unavailable; an audit that waits in vain fails, in ms.
   */
  AUDIT_SETTLE_MS: whole(100, DAY_MS).default(MINUTE_MS),
};

/** The simulated provider and carrier, as sagas call them and as audits read their books. */
const outsideBooks = {
  /** How long the simulated payment provider takes to answer, in ms. */
  PAYMENT_LATENCY_MS: latency.default(20),
  /** How long the simulated carrier takes to answer, in ms. */
  CARRIER_LATENCY_MS: latency.default(20),
  /** Share of pages of their books that they do not list. 0 to 1. */
  PAYMENT_BOOKS_FAILURE_RATE: rate.default(0),
  CARRIER_BOOKS_FAILURE_RATE: rate.default(0),
};

const sagaWatch = {
  /** An open order that has changed within this is not taken for one that has lost its saga, in ms. */
  SAGA_ORPHAN_AFTER_MS: whole(1, 365 * DAY_MS).default(MINUTE_MS),
};

const stepKind = z.enum(['inventory', 'payments', 'orders', 'shipping'], {
  error: 'must be a list of inventory, payments, orders and shipping, or a comma for none of them',
});

/** What a saga is started with; whoever may start one – the worker, the command API – must be told the same. */
const sagas = {
  /** Capabilities whose steps run as local activities (short transactions in our own PostgreSQL). */
  SAGA_LOCAL_STEPS: z.string().default('inventory,orders').transform(partsOf).pipe(z.array(stepKind)),
  /** Pause after the first failed attempt of a step, in ms; it doubles up to 30 s. */
  SAGA_RETRY_PAUSE_MS: whole(1, 30_000).default(200),
  /** An undo step that failed so often waits for an operator. 40: after some 17 minutes. */
  SAGA_UNDO_ATTEMPTS: whole(1, 10_000).default(40),
  /** An order above this total waits for approval, in minor units of its currency. 0: none does. */
  APPROVAL_LIMIT_MINOR: whole(0, Number.MAX_SAFE_INTEGER).default(1_000_000),
  /** An order that nobody approves within this is cancelled, in ms. Default: 3 days. */
  APPROVAL_DEADLINE_MS: deadline.default(3 * DAY_MS),
  /** Stock that is held for longer without a payment is released and the order cancelled, in ms. */
  RESERVATION_EXPIRY_MS: deadline.default(2 * HOUR_MS),
  /** A payment that takes longer, however often the provider is asked, is given up and fenced, in ms. */
  PAYMENT_DEADLINE_MS: deadline.default(HOUR_MS),
  /** A parcel that has not left after this is called back and the order refunded, in ms. Default: 3 days. */
  SHIPMENT_DISPATCH_DEADLINE_MS: deadline.default(3 * DAY_MS),
  /** A parcel that has not arrived after this is given up and the order refunded, in ms. Default: 14 days. */
  SHIPMENT_DELIVERY_DEADLINE_MS: deadline.default(14 * DAY_MS),
};

/** Below the connections that a process accepts, so that others are still heard. */
const MOST_CONNECTIONS = 3_500;

const waiting = {
  /** The longest that a request with `Prefer: wait` waits, in seconds. 0: none does. */
  MAX_WAIT_S: whole(0, 3_600).default(30),
  /** Requests that may wait at the same time; beyond it they are answered at once. */
  MAX_WAITING_REQUESTS: whole(1, MOST_CONNECTIONS).default(500),
};

const commandApiSettings = z.object({
  ...http,
  ...authSettings,
  ...limits,
  ...writeDatabase,
  ...readDatabase,
  ...messaging,
  ...temporalSettings,
  ...sagas,
  PORT: port.default(3001),
  /** Commands that may wait for their batch; beyond it callers get 503. */
  COMMAND_QUEUE_CAPACITY: whole(1, 100_000).default(1_000),
  /**
   * Most commands that are written in one transaction, of which two may be under way. Each locks its idempotency key,
   * so all processes together must stay below PostgreSQL's max_locks_per_transaction × max_connections (6,400 as it is
   * delivered).
   */
  COMMAND_BATCH_SIZE: whole(1, 1_000).default(200),
  ...idempotencyKeys,
  /** Whether `POST /orders` is refused without an Idempotency-Key. */
  IDEMPOTENCY_KEY_REQUIRED: flag.default(true),
  ...waiting,
});
export const commandApiSchema = commandApiSettings
  .superRefine(requireAuthentication)
  .superRefine(requireNatsUser)
  .superRefine(requireTemporalAccess);

const queryApiSettings = z.object({
  ...http,
  ...authSettings,
  ...limits,
  ...writeDatabase,
  ...readDatabase,
  ...messaging,
  ...waiting,
  PORT: port.default(3002),
  /** One more than exports at the least. */
  DATABASE_POOL_SIZE: whole(2, 1_000).default(10),
  ...temporalNamespaceSettings,
  /** Base address of the Temporal Web UI, for the links from orders to their workflows. */
  TEMPORAL_UI_URL: webUrl.default('http://127.0.0.1:8233'),
  /** Readers of live events at the same time; beyond it they get 503. */
  MAX_LIVE_CONNECTIONS: whole(1, MOST_CONNECTIONS).default(500),
  /** Of them, those of one caller. A program that passes events on to many people is one. */
  MAX_LIVE_CONNECTIONS_PER_CALLER: whole(1, MOST_CONNECTIONS).default(50),
  /** How long `GET /orders/:id` of a fresh order waits for the projection, in ms. */
  FRESH_ORDER_WAIT_MS: whole(0, HOUR_MS).default(2_000),
  /** Exports at the same time, each with a connection of the pool; beyond it they get 503. */
  MAX_EXPORTS: whole(1, 999).default(4),
  /** How long an export may take, however slowly it is read, in ms. */
  EXPORT_TIMEOUT_MS: timer(1_000).default(10 * MINUTE_MS),
  /** How long a query with a `Read-Token` waits for the projection, unless it prefers otherwise, in ms. */
  READ_TOKEN_WAIT_MS: whole(0, HOUR_MS).default(2_000),
  /**
   * Orders that are kept in memory, some KB each, while NATS tells what changes. 0: nothing is kept, as it must be
   * where the read tables are a replica that lags behind the projector's.
   */
  READ_CACHE_ORDERS: whole(0, 100_000).default(5_000),
});
export const queryApiSchema = queryApiSettings
  .refine(({ MAX_EXPORTS, DATABASE_POOL_SIZE }) => MAX_EXPORTS < DATABASE_POOL_SIZE, {
    path: ['MAX_EXPORTS'],
    error: 'must be below DATABASE_POOL_SIZE: whoever asks for little needs connections as well',
  })
  .superRefine(requireAuthentication)
  .superRefine(requireNatsUser);

export const workerSettings = z.object({
  ...http,
  ...writeDatabase,
  ...readDatabase,
  ...messaging,
  ...temporalSettings,
  ...deployment,
  ...sagas,
  PORT: port.default(3003),
  /** Built by `npm run build`; absent: the worker bundles `workflows/` when it starts. */
  WORKFLOW_BUNDLE: existingFile.optional(),
  /** Folder in which bundles that are made at start are kept for the next start with the same sources. */
  WORKFLOW_BUNDLE_CACHE: z.string().optional(),
  ...idempotencyKeys,
  /**
   * How long the outbox keeps what is published, in ms: longer than the stream may be set back, because what it loses
   * is published again from there. Default: 7 days.
   */
  OUTBOX_RETENTION_MS: whole(HOUR_MS, 3_650 * DAY_MS).default(7 * DAY_MS),
  /** How often all stores and the books of provider and carrier are compared, in ms. Default: each day. 0: never. */
  AUDIT_INTERVAL_MS: schedule.default(DAY_MS),
  ...audits,
  /**
   * How often orders that have lost their saga are looked for and get it back, and sagas that fail or are slow are listed,
   * in ms. 0: never.
   */
  SAGA_WATCH_INTERVAL_MS: schedule.default(MINUTE_MS),
  ...sagaWatch,
  /**
   * Most tasks of the sagas that this worker accepts at the same time, of each kind. Absent: the number follows its
   * cores and DATABASE_POOL_SIZE. One would only serve workflows that it has in memory.
   */
  WORKER_CONCURRENCY: whole(2, 1_000).optional(),
  /** Share of reservations that fail, half of them after having acted. 0 to 1. */
  INVENTORY_FAILURE_RATE: rate.default(0),
  INVENTORY_LATENCY_MS: latency.default(0),
  ...outsideBooks,
  /** How long we wait for the provider before the outcome counts as unknown, in ms. */
  PAYMENT_TIMEOUT_MS: whole(1, 8_000).default(2_000),
  /** Share of refunds that fail before they act: sagas that undo get stuck. 0 to 1. */
  PAYMENT_REFUND_FAILURE_RATE: rate.default(0),
  /** How long we wait for the carrier before the outcome counts as unknown, in ms. */
  CARRIER_TIMEOUT_MS: whole(1, 8_000).default(2_000),
  /** Share of bookings that the carrier refuses. 0 to 1, as the next two. */
  CARRIER_REFUSAL_RATE: rate.default(0),
  /** Share of bookings that get no answer, half of them after the carrier acted. */
  CARRIER_TIMEOUT_RATE: rate.default(0),
  /** Share of parcels that get lost on their way. */
  CARRIER_LOSS_RATE: rate.default(0),
  /** How long a parcel waits at ours, and then travels, in ms. */
  CARRIER_DISPATCH_MS: whole(0, 365 * DAY_MS).default(10_000),
  CARRIER_DELIVERY_MS: whole(0, 365 * DAY_MS).default(10_000),
  /** Lets `PUT /dev/faults` change the failure rates while running. For development only. */
  FAULT_DIALS: flag.default(false),
});
export const workerSchema = workerSettings
  .refine(({ FAULT_DIALS, HOST }) => !FAULT_DIALS || isLoopback(HOST), {
    path: ['FAULT_DIALS'],
    error: `lets everybody who reaches HOST break things; listen on ${LOOPBACK}, or leave it out`,
  })
  .superRefine(requireNatsUser)
  .superRefine(requireTemporalAccess)
  .superRefine(requireWholeVersion);

/** What only looks at workflows. */
export const temporalSchema = z.object(temporalSettings).superRefine(requireTemporalAccess);

/** What changes which version of the workers gets new work. */
export const deploymentSchema = z
  .object({ ...temporalSettings, ...deployment })
  .superRefine(requireTemporalAccess);

/** What compares a database that was set back with the stream. */
export const setBackSchema = z
  .object({
    ...http,
    ...writeDatabase,
    ...readDatabase,
    ...messaging,
    ...temporalSettings,
  })
  .superRefine(requireNatsUser)
  .superRefine(requireTemporalAccess);

export const auditSchema = z
  .object({
    ...http,
    ...writeDatabase,
    ...readDatabase,
    ...messaging,
    ...audits,
    ...outsideBooks,
    ...temporalSettings,
    ...sagaWatch,
  })
  .superRefine(requireNatsUser)
  .superRefine(requireTemporalAccess);

export const sagasSchema = z
  .object({
    ...http,
    ...writeDatabase,
    ...messaging,
    ...temporalSettings,
    ...sagas,
    ...sagaWatch,
  })
  .superRefine(requireNatsUser)
  .superRefine(requireTemporalAccess);

export const projectorSchema = z
  .object({
    ...http,
    ...writeDatabase,
    ...readDatabase,
    ...messaging,
    PORT: port.default(3004),
    /** Most events applied in one transaction. */
    PROJECTION_PAGE_SIZE: whole(1, 10_000).default(2_000),
  })
  .superRefine(requireNatsUser);

export const migrateSchema = z
  .object({
    ...http,
    ...writeDatabase,
    ...readDatabase,
    /** Projections that are new or raised are built from the stream; without any, NATS is not asked. */
    ...messaging,
    /** Most events that a rebuild folds in one transaction. */
    REBUILD_PAGE_SIZE: whole(1, 50_000).default(5_000),
  })
  .superRefine(requireNatsUser);

/** Where an installation says how long a saga waits. */
export const deadlineVariables = {
  approvalMs: 'APPROVAL_DEADLINE_MS',
  reservationMs: 'RESERVATION_EXPIRY_MS',
  paymentMs: 'PAYMENT_DEADLINE_MS',
  dispatchMs: 'SHIPMENT_DISPATCH_DEADLINE_MS',
  deliveryMs: 'SHIPMENT_DELIVERY_DEADLINE_MS',
} as const satisfies Record<string, keyof typeof sagas>;
type DeadlineName = keyof typeof deadlineVariables;

/** The limits in the shape that the APIs' HTTP stack takes. */
export const limitsOf = (
  config: z.infer<z.ZodObject<typeof limits>>,
): {
  ratePerMinute: number;
  authFailuresPerMinute: number;
  trustedProxies: string[];
  corsOrigins: string[];
} => ({
  ratePerMinute: config.RATE_LIMIT_PER_MINUTE,
  authFailuresPerMinute: config.AUTH_FAILURES_PER_MINUTE,
  trustedProxies: config.TRUSTED_PROXIES,
  corsOrigins: config.CORS_ORIGINS,
});

/** The settings of the sagas in the shape that a workflow is given. */
export function sagaSettingsOf(config: z.infer<z.ZodObject<typeof sagas>>): {
  localSteps: z.infer<typeof stepKind>[];
  deadlines: Record<DeadlineName, number>;
  approvalLimitMinor: number | null;
  retryPauseMs: number;
  undoAttempts: number;
} {
  return {
    localSteps: config.SAGA_LOCAL_STEPS,
    deadlines: Object.fromEntries(
      Object.entries(deadlineVariables).map(([name, variable]) => [name, config[variable]]),
    ) as Record<DeadlineName, number>,
    approvalLimitMinor: config.APPROVAL_LIMIT_MINOR === 0 ? null : config.APPROVAL_LIMIT_MINOR,
    retryPauseMs: config.SAGA_RETRY_PAUSE_MS,
    undoAttempts: config.SAGA_UNDO_ATTEMPTS,
  };
}

/** A setting that cannot be used; the message names every variable at fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What may hold a password or a private key stays out of terminals and logs. */
const SECRET = /URL|PASSWORD|USER|_KEY$|_DATA$|^TEMPORAL_GRPC_META_/;

/**
 * Reads the settings that a schema names from the environment; a blank value counts as absent. Those of Temporal may
 * also come from a profile in its configuration file, over which the environment wins.
 * @throws ConfigError naming each variable and what is wrong with it.
 */
export function loadConfig<T extends z.ZodObject>(schema: T, environment = process.env): z.infer<T> {
  const names = Object.keys(schema.shape);
  const { variables, origin, fault } = fromProfile(names, environment);
  const isOwn = (name: string): boolean => isGiven(environment[name]);
  const valueOf = (name: string): string | undefined => (isOwn(name) ? environment[name] : variables[name]);
  const given: Record<string, string | Record<string, string>> = {};
  for (const name of names) {
    const value = name === METADATA ? metadataOf(environment, variables) : valueOf(name);
    if (value !== undefined) given[name] = value;
  }
  const parsed = schema.safeParse(given);
  if (parsed.success && fault === undefined) return parsed.data;
  const faults = (parsed.error?.issues ?? []).map(({ path: [variable, part], message }) => {
    const name =
      variable === METADATA && part !== undefined ? METADATA_PREFIX + String(part) : String(variable);
    const value = valueOf(name);
    if (value === undefined) return `  ${name}: ${message}`;
    const shown = SECRET.test(name) ? '…' : value;
    return isOwn(name) ? `  ${name}=${shown}: ${message}` : `  ${name}=${shown} (${origin}): ${message}`;
  });
  // A number may be beyond a bound and no whole one.
  const lines = [...new Set([...(fault === undefined ? [] : [`  ${fault}`]), ...faults])].join('\n');
  throw new ConfigError(`the environment has settings that cannot be used:\n${lines}`);
}

/** node-postgres reads these itself where DATABASE_URL is absent. */
export const postgresVariables = z.object({
  PGHOST: z.string().default('localhost'),
  PGPORT: z.string().default('5432'),
  PGDATABASE: z.string().optional(),
  PGUSER: z.string().optional(),
});

/** Names of the settings that were taken from a running stack, with commas between. */
const FROM_STACK = 'SETTINGS_FROM_STACK';

/** Settings of maintenance commands that this environment has, for commands that run beside this process. */
export function settingsOfTools(environment = process.env): Record<string, string> {
  const own = Object.keys(http);
  const names = [auditSchema, sagasSchema, setBackSchema, migrateSchema].flatMap(({ shape }) =>
    Object.keys(shape),
  );
  const headers = Object.keys(environment).filter((name) => name.startsWith(METADATA_PREFIX));
  return Object.fromEntries(
    [...new Set([...names, ...headers])]
      .filter((name) => !own.includes(name))
      .flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  );
}

/** Where a setting comes from that the environment does not have: a profile of Temporal's, or undefined for none. */
export function profileOrigin(name: string, environment = process.env): string | undefined {
  const { variables, origin } = fromProfile(['TEMPORAL_PROFILE'], environment);
  return name in variables && !isInEnvironment(name, environment) ? origin : undefined;
}

/**
 * Lets this process and its children ignore the user's own configuration file of Temporal, unless the environment names
 * a file or a profile: then address and namespace are taken of that.
 * @throws ConfigError when that cannot be read
 */
export function useNamedTemporalProfile(environment = process.env): void {
  const isNamed = ['TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE'].some((name) =>
    isInEnvironment(name, environment),
  );
  if (!isNamed) {
    environment['TEMPORAL_CONFIG_FILE'] = NO_CONFIG_FILE;
    return;
  }
  const { variables, fault } = fromProfile(['TEMPORAL_PROFILE'], environment);
  if (fault !== undefined)
    throw new ConfigError(`the environment has settings that cannot be used:\n  ${fault}`);
  for (const name of ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'])
    if (!isInEnvironment(name, environment) && variables[name] !== undefined)
      environment[name] = variables[name];
}

/**
 * Adds settings that the environment does not have.
 * @param unless settings with which the environment says that it means something else: nothing is added then
 * @returns whether they were added
 */
export function addToEnvironment(
  settings: Readonly<Record<string, string>>,
  unless: readonly string[],
  environment = process.env,
): boolean {
  // A configuration file of Temporal that is turned off names no server.
  const isMeant = !unless.some(
    (name) => isInEnvironment(name, environment) && environment[name] !== NO_CONFIG_FILE,
  );
  const added = Object.entries(settings).filter(([name]) => isMeant && !isInEnvironment(name, environment));
  for (const [name, value] of added) environment[name] = value;
  environment[FROM_STACK] = added.map(([name]) => name).join(',');
  return isMeant;
}

/** Whether a setting is given at all, and its default not used. */
export const isInEnvironment = (name: string, environment = process.env): boolean =>
  (environment[name] ?? '') !== '';

/** Whether a setting was taken from a running stack. */
export const isFromStack = (name: string, environment = process.env): boolean =>
  (environment[FROM_STACK] ?? '').split(',').includes(name);

/** The environment for child processes: ours with some settings replaced. */
export const childEnvironment = (settings: Record<string, string>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...settings,
});
