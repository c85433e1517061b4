import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from '../platform/logger.ts';
import { pauseUnlessAborted } from '../platform/pace.ts';
import { NotReady } from '../platform/readiness.ts';
import { createReminder } from '../platform/reminder.ts';
import { diagnose, refusalOf, TemporalProblem } from '../platform/temporal/connection-problem.ts';
import type { TemporalServer } from '../platform/temporal/settings.ts';
import { registerSearchAttributes, SearchAttributesMissing } from './search-attributes.ts';

interface Watchers {
  readonly logger: Logger;
  /** Told why Temporal cannot be used, in words for everybody; undefined once it can. */
  readonly onProblem?: (problem: NotReady | undefined) => void;
}

const RETRY_MS = 1_000;
const CONNECT_LIMIT_MS = 10_000;
const REQUEST_LIMIT_MS = 10_000;
/** Below what a readiness check may take, so that it says more than that. */
const PING_LIMIT_MS = 1_500;

/**
 * Connects, trying until the server can be used and the namespace has the sagas' search attributes. Says why not, at
 * once and each minute. @returns undefined when aborted before
 * @throws Error for what only other settings mend
 */
export async function connectTemporal(
  server: TemporalServer,
  { logger, onProblem }: Watchers,
  signal: AbortSignal,
): Promise<NativeConnection | undefined> {
  const reminder = createReminder();
  while (!signal.aborted) {
    try {
      const connection = await connectOnce(server, logger);
      onProblem?.(undefined);
      return connection;
    } catch (error) {
      const problem = await problemOf(error, server);
      const said = sayingOf(problem, server);
      if (problem instanceof TemporalProblem && problem.isForever) throw new Error(said, { cause: error });
      onProblem?.(problem);
      if (reminder.isDue(problem.message))
        logger.warn({ err: problem, ...detailsOf(problem) }, `${said}; trying until it can be used`);
      await pauseUnlessAborted(RETRY_MS, signal);
    }
  }
  return undefined;
}

async function connectOnce(server: TemporalServer, logger: Logger): Promise<NativeConnection> {
  const connection = await connectInTime(server);
  try {
    const { namespace } = server;
    await connection.withDeadline(Date.now() + REQUEST_LIMIT_MS, async () => {
      // First: the others would say only that they do not find something.
      await connection.workflowService.describeNamespace({ namespace });
      const { added, unknown } = await registerSearchAttributes(connection, namespace);
      if (added.length > 0) logger.info({ attributes: added }, 'search attributes are registered');
      if (unknown.length > 0)
        logger.warn(
          { attributes: unknown },
          'the server does not say whether the search attributes are there; sagas stand still while they are not',
        );
    });
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** The SDK waits without end for a server that takes connections and says nothing. */
async function connectInTime({ connection: options }: TemporalServer): Promise<NativeConnection> {
  const connecting = NativeConnection.connect(options);
  const limit = new AbortController();
  const tooLate = pause(CONNECT_LIMIT_MS, undefined, { signal: limit.signal }).then(() => {
    void connecting.then((connection) => connection.close()).catch(() => undefined);
    throw new Error(`no connection within ${CONNECT_LIMIT_MS} ms`);
  });
  try {
    return await Promise.race([connecting, tooLate]);
  } finally {
    limit.abort();
    tooLate.catch(() => undefined);
  }
}

/** Why Temporal cannot be used, in words for everybody. */
export const problemOf = async (error: unknown, server: TemporalServer): Promise<NotReady> =>
  error instanceof NotReady ? error : diagnose(error, server);

/** For the log, which may name what it is about. */
export const sayingOf = (problem: NotReady, { connection: { address }, namespace }: TemporalServer): string =>
  `Temporal at ${address}, namespace ${namespace}: ${problem.message}`;

export const detailsOf = (problem: NotReady): object =>
  problem instanceof SearchAttributesMissing ? { commands: problem.commands } : {};

/**
 * Readiness: rejects while the server does not answer.
 * @param known what those who look after the connection have found out about it
 */
export async function pingTemporal(
  connection: NativeConnection | undefined,
  server: TemporalServer,
  known: NotReady | undefined,
): Promise<void> {
  if (!connection) throw known ?? new NotReady('not connected yet');
  try {
    await connection.withDeadline(Date.now() + PING_LIMIT_MS, () =>
      connection.workflowService.describeNamespace({ namespace: server.namespace }),
    );
  } catch (error) {
    const refusal = refusalOf(error, server);
    throw refusal === undefined ? (known ?? error) : new TemporalProblem(refusal, error);
  }
}
