import { z } from 'zod';
import { natsUrl } from '../platform/settings/nats-servers.ts';
import {
  credential,
  databaseUrl,
  fixedPort,
  hostAndPort,
  namespace,
  timer,
  webUrl,
} from '../platform/settings/values.ts';

/** Where the servers are looked for and kept. */
export const searchSchema = z.object({
  PATH: z.string().default(''),
  XDG_CACHE_HOME: z.string().optional(),
  /** Keeps fetched servers, and the data of stacks that have no DATA_DIR. */
  DURABLE_ORDERS_CACHE: z.string().optional(),
  /** A time-skipping Temporal test server that is already on this machine. */
  TEMPORAL_TEST_SERVER: z.string().optional(),
});

/** Settings of `npm start`. What the four processes read for themselves is inherited by them. */
export const stackSchema = z.object({
  PORT: fixedPort.default(3000),
  COMMAND_API_PORT: fixedPort.default(3001),
  QUERY_API_PORT: fixedPort.default(3002),
  WORKER_PORT: fixedPort.default(3003),
  PROJECTOR_PORT: fixedPort.default(3004),
  POSTGRES_PORT: fixedPort.default(15_432),
  NATS_PORT: fixedPort.default(4222),
  TEMPORAL_PORT: fixedPort.default(7233),
  TEMPORAL_UI_PORT: fixedPort.default(8233),
  /** Servers that are used instead of the embedded ones. */
  DATABASE_URL: databaseUrl.optional(),
  NATS_URL: natsUrl.optional(),
  TEMPORAL_ADDRESS: hostAndPort.optional(),
  TEMPORAL_UI_URL: webUrl.optional(),
  /** The embedded server makes it at start; on a server that is given it must be there. */
  TEMPORAL_NAMESPACE: namespace.default('default'),
  /** An identity provider to use in place of the stack's own key and of the demo user. */
  AUTH_ISSUER: credential.optional(),
  /** Data and logs of this stack. Absent: a folder in the cache, one per clone. */
  DATA_DIR: z.string().optional(),
  /** Below the 6 s that `npm start` gives each process, so that a drain ends by itself. In ms. */
  SHUTDOWN_TIMEOUT_MS: timer().default(5_000),
});

export type StackConfig = z.infer<typeof stackSchema>;
