import { outOfReach } from '../../platform/tool.ts';
import type { Messaging, NatsConnection } from '../../messaging/connection.ts';

const REACHED_WITHIN_MS = 30_000;

/** @throws Error when NATS does not answer within half a minute */
export async function reachStream(messaging: Messaging, url: string): Promise<NatsConnection> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new Error(
          `${outOfReach('NATS_URL', { NATS_URL: url })}; the event stream is what projections are built from`,
        ),
      );
    }, REACHED_WITHIN_MS);
  });
  try {
    return await Promise.race([messaging.firstConnection, late]);
  } finally {
    clearTimeout(timer);
  }
}
