import { randomBytes } from 'node:crypto';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { connectMessaging, type Messaging } from '../../messaging/connection.ts';
import { createLogger } from '../../platform/logger.ts';
import { natsUrl } from './servers.ts';

/** Names of a stream that nobody else uses. */
export const newTopology = (): Topology => createTopology(`test-${randomBytes(4).toString('hex')}-`);

/** Connected, as a process is. @param url of another server than the one that tests share */
export async function testMessaging(url?: string): Promise<Messaging> {
  const logger = createLogger('test', 'silent');
  const messaging = connectMessaging({ url: url ?? (await natsUrl()), name: 'test', logger });
  await messaging.firstConnection;
  return messaging;
}
