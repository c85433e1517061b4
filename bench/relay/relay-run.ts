import { connect as connectNats, type NatsConnection } from 'nats';
import { createTopology } from '../../domain/topology.ts';
import { ensureStream, type StreamState } from '../../messaging/stream.ts';
import type { Bench } from '../outcome.ts';
import type { Stores } from '../stores.ts';
import { createOutbox } from './outbox.ts';
import type { Route } from './protocol.ts';
import type { RelayProcess } from './relay-process.ts';

export interface RelayRun extends Bench {
  readonly stores: Stores;
  readonly relays: RelayProcess;
}

export async function routeTo(
  { stores }: RelayRun,
  database: string,
  prefix: string,
  shards = 1,
): Promise<Route> {
  return { databaseUrl: await createOutbox(stores, database, shards), prefix, shards };
}

/** Has a stream of its own for what is done, so that no part of the benchmark works beside another's messages. */
export async function withStream<T>(
  { stores }: RelayRun,
  prefix: string,
  use: (prefix: string, state: StreamState, connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectNats({ servers: stores.natsUrl });
  try {
    const topology = createTopology(prefix);
    const used = await use(prefix, await ensureStream(connection, topology), connection);
    await (await connection.jetstreamManager()).streams.delete(topology.stream);
    return used;
  } finally {
    await connection.close();
  }
}
