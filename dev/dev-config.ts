import { z } from 'zod';

const port = z.coerce.number().int().min(1).max(65_535);

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
  PORT: port.default(3000),
  COMMAND_API_PORT: port.default(3001),
  QUERY_API_PORT: port.default(3002),
  WORKER_PORT: port.default(3003),
  PROJECTOR_PORT: port.default(3004),
  POSTGRES_PORT: port.default(15_432),
  NATS_PORT: port.default(4222),
  TEMPORAL_PORT: port.default(7233),
  TEMPORAL_UI_PORT: port.default(8233),
  /** Servers that are used instead of the embedded ones. */
  DATABASE_URL: z.string().optional(),
  NATS_URL: z.string().optional(),
  TEMPORAL_ADDRESS: z.string().optional(),
  TEMPORAL_UI_URL: z.url().optional(),
  /** The embedded server makes it at start; on a server that is given it must be there. */
  TEMPORAL_NAMESPACE: z.string().default('default'),
  /** An identity provider to use in place of the stack's own key and of the demo user. */
  AUTH_ISSUER: z.string().optional(),
  /** Data and logs of this stack. Absent: a folder in the cache, one per clone. */
  DATA_DIR: z.string().optional(),
  /** Below the 6 s that `npm start` gives each process, so that a drain ends by itself. In ms. */
  SHUTDOWN_TIMEOUT_MS: z.coerce.number().int().nonnegative().default(5_000),
});

export type StackConfig = z.infer<typeof stackSchema>;
