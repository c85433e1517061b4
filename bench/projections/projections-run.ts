import { connect as connectNats, type NatsConnection } from 'nats';
import type { Knex } from '../../db/connection.ts';
import type { OrderEvent } from '../../domain/events.ts';
import { createTopology } from '../../domain/topology.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { eventually } from '../../test/support/eventually.ts';
import { appliedSequence } from '../../test/support/tables.ts';
import type { Bench } from '../outcome.ts';
import type { Stores } from '../stores.ts';
import { messageOf } from './histories.ts';

export interface ProjectionsRun extends Bench {
  readonly stores: Stores;
  readonly nats: NatsConnection;
  /** With the read tables; every part of the benchmark begins with empty ones. */
  readonly databaseUrl: string;
  readonly db: Knex;
}

/** JetStream's limit for a batch. */
const MOST_PER_BATCH = 1_000;

/** A new stream with these events. @returns its last sequence */
export async function fillStream(
  nats: NatsConnection,
  prefix: string,
  events: readonly OrderEvent[],
): Promise<number> {
  const topology = createTopology(prefix);
  await ensureStream(nats, topology);
  let last = 0;
  for (let from = 0; from < events.length; from += MOST_PER_BATCH) {
    const page = events.slice(from, from + MOST_PER_BATCH).map((event) => messageOf(event, topology));
    last = (await publishInOrder(nats, page)).lastSequence;
  }
  return last;
}

export async function removeStream(nats: NatsConnection, prefix: string): Promise<void> {
  await (await nats.jetstreamManager()).streams.delete(createTopology(prefix).stream);
}

export const untilApplied = (db: Knex, sequence: number): Promise<true> =>
  eventually(async () => (await appliedSequence(db)) >= sequence || undefined, {
    what: `message ${sequence} is applied`,
    withinMs: 120_000,
  });

export const connectBench = (stores: Stores): Promise<NatsConnection> =>
  connectNats({ servers: stores.natsUrl, name: 'bench' });
