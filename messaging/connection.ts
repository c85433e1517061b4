import { setTimeout as pause } from 'node:timers/promises';
import { connect, ErrorCode, Events, NatsError, type NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { natsServersOf } from './servers.ts';

export type { NatsConnection };

/** NATS as a process sees it: it may be down when the process starts, and at any time after. */
export interface Messaging {
  /** Resolves once the server was reached for the first time. Never resolves after `close`. */
  readonly firstConnection: Promise<NatsConnection>;
  /** The connection while it is up. */
  readonly current: NatsConnection | undefined;
  /** @throws Error while the server is out of reach. */
  require(): NatsConnection;
  /** How often the connection came up, so that a holder can tell that it was down in between. */
  readonly connections: number;
  /** Sends what is buffered and closes. */
  close(): Promise<void>;
}

interface MessagingOptions {
  /** `NATS_URL`: one address or several. */
  readonly url: string;
  /** Absent: the server asks for none. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Shown in the server's list of connections, and part of the subjects on which answers come back. */
  readonly name: string;
  readonly logger: Logger;
}

const RETRY_MS = 250;

/** Connects in the background and stays connected, so that a process starts also while NATS is down. */
export function connectMessaging({ url, user, password, name, logger }: MessagingOptions): Messaging {
  const closing = new AbortController();
  let connection: NatsConnection | undefined;
  let isUp = false;
  let connections = 0;

  async function establish(): Promise<NatsConnection> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await connect({
          ...natsServersOf(url),
          ...(user === undefined ? {} : { user }),
          ...(password === undefined ? {} : { pass: password }),
          // A password may be changed here after it was changed there.
          ignoreAuthErrorAbort: true,
          // Of its own, so that a server can let each process read only its own answers.
          inboxPrefix: `_INBOX.${name}`,
          name,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          reconnectJitter: 100,
          pingInterval: 5_000,
          maxPingOut: 2,
        });
      } catch (error) {
        if (attempt === 1) logger.warn({ err: error }, 'NATS is out of reach; trying until it answers');
        await pause(RETRY_MS, undefined, { signal: closing.signal });
      }
    }
  }

  async function followStatus(established: NatsConnection): Promise<void> {
    for await (const { type, data } of established.status()) {
      if (type === Events.Disconnect) {
        isUp = false;
        logger.warn('the connection to NATS is lost; reconnecting');
      } else if (type === Events.Reconnect) {
        isUp = true;
        connections += 1;
        logger.info('connected to NATS again');
      } else if (type === Events.Error) {
        logger.warn({ nats: data }, 'NATS reports an error');
      }
    }
  }

  const firstConnection = new Promise<NatsConnection>((resolve) => {
    establish().then(
      async (established) => {
        if (closing.signal.aborted) return established.close();
        connection = established;
        isUp = true;
        connections += 1;
        void followStatus(established);
        resolve(established);
      },
      (error: unknown) => {
        if (!closing.signal.aborted) logger.error({ err: error }, 'connecting to NATS ended');
      },
    );
  });

  return {
    firstConnection,
    get current() {
      return isUp ? connection : undefined;
    },
    get connections() {
      return connections;
    },
    require: () => {
      if (!connection || !isUp) throw new NatsError('NATS is out of reach', ErrorCode.Disconnect);
      return connection;
    },
    close: async () => {
      closing.abort();
      if (connection && isUp) await connection.drain();
      else await connection?.close();
    },
  };
}

/** The client refuses a request before it is sent. */
const REFUSED_BY_CLIENT: ReadonlySet<string> = new Set([
  ErrorCode.BadJson,
  ErrorCode.BadPayload,
  ErrorCode.BadSubject,
  ErrorCode.BadHeader,
  ErrorCode.InvalidOption,
  ErrorCode.InvalidPayload,
  ErrorCode.MaxPayloadExceeded,
  ErrorCode.NotFunction,
]);
/** JetStream's "bad request" and "invalid JSON". */
const REFUSED_BY_SERVER: ReadonlySet<number | undefined> = new Set([10_003, 10_025]);

/** Whether NATS cannot answer now; the same request may succeed later. */
export const isMessagingOutOfReach = (error: unknown): boolean =>
  error instanceof NatsError &&
  (error.api_error ? !REFUSED_BY_SERVER.has(error.api_error.err_code) : !REFUSED_BY_CLIENT.has(error.code));

/** Readiness: rejects while NATS does not answer. */
export async function pingMessaging(messaging: Messaging): Promise<void> {
  await messaging.require().flush();
}
