import type { NatsConnection } from 'nats';
import { createTopology, OUTBOX_SHARDS } from '../../domain/topology.ts';
import { announceRelayed } from '../../messaging/relayed.ts';
import type { Callers } from '../accept/callers.ts';
import { reads } from '../scenarios/projections.ts';
import { customerOf, eventsOf } from './histories.ts';
import type { ProjectorProcess } from './projector-process.ts';
import { fillStream, removeStream, untilApplied, type ProjectionsRun } from './projections-run.ts';
import { emptyReadTables } from './read-database.ts';
import type { Target } from './reads-protocol.ts';

/** Of the stream that the views follow. */
export const READ_PREFIX = 'read-';
/** As often as a relay looks at its outbox. */
const RELAYED_EVERY_MS = 250;

export interface FollowedViews {
  readonly targets: Readonly<Record<'order' | 'sales', Target[]>>;
  /** Until then, the projector tells how far the views are. */
  readonly stop: () => Promise<void>;
}

/** Whole orders, of which each is asked for by whoever has placed it. */
export async function followViews(
  { nats, db, databaseUrl, closers }: ProjectionsRun,
  projector: ProjectorProcess,
  { tokens, analyst }: Callers,
): Promise<FollowedViews> {
  const customers = tokens.length;
  const events = [...eventsOf(reads.orders, { customers, inFlight: 1 })];
  const last = await fillStream(nats, READ_PREFIX, events);
  await emptyReadTables(db);
  const stopProjector = await projector.follow({ databaseUrl, prefix: READ_PREFIX });
  await untilApplied(db, last);
  const stopRelay = await tellRelayed(nats, last);
  closers.add('the word of a relay', stopRelay);
  await db.raw('analyze');
  const ids = [...new Set(events.map(({ aggregateId }) => aggregateId))];
  const owner = new Map(tokens.map((token, index) => [customerOf(index, customers), token]));
  const order = ids.map((id, index) => ({
    path: `/orders/${id}`,
    token: owner.get(customerOf(index, customers)) ?? '',
  }));
  const sales = [{ path: '/analytics/sales?from=2026-02-15&to=2026-03-16', token: analyst }];
  return {
    targets: { order, sales },
    stop: async () => {
      await stopRelay();
      await stopProjector();
      await removeStream(nats, READ_PREFIX);
    },
  };
}

/** As relays do whose outbox is empty. */
async function tellRelayed(nats: NatsConnection, lastSequence: number): Promise<() => Promise<void>> {
  const topology = createTopology(READ_PREFIX);
  const { created } = await (await nats.jetstreamManager()).streams.info(topology.stream);
  const timer = setInterval(() => {
    for (let shard = 0; shard < OUTBOX_SHARDS; shard++)
      announceRelayed({ current: nats }, topology, shard, { asOf: new Date(), created, lastSequence });
  }, RELAYED_EVERY_MS);
  return () => {
    clearInterval(timer);
    return Promise.resolve();
  };
}
