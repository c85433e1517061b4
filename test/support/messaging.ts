import { randomBytes } from 'node:crypto';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { connectMessaging, type Messaging } from '../../messaging/connection.ts';
import { createLogger } from '../../platform/logger.ts';
import { natsUrl } from './servers.ts';

/** Names of a stream that nobody else uses. */
export const newTopology = (): Topology => createTopology(`test-${randomBytes(4).toString('hex')}-`);

/** Connected, as a process is. */
export async function testMessaging(): Promise<Messaging> {
  const logger = createLogger('test', 'silent');
  const messaging = connectMessaging({ url: await natsUrl(), name: 'test', logger });
  await messaging.firstConnection;
  return messaging;
}
