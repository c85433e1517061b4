import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { keepPartitions } from '../../db/outbox/partitions.ts';
import type { HousekeepingActivities } from '../../domain/relay.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { streamState } from '../../messaging/stream.ts';
import type { Clock } from '../../platform/clock.ts';

interface Deps {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly clock: Clock;
  /** How long the outbox keeps what is published, in ms. */
  readonly retentionMs: number;
}

/** Days for which partitions are there already, should housekeeping stand still; after them outbox_default takes all. */
const DAYS_AHEAD = 3;

/** Without NATS, partitions are made and none is dropped. */
export const createHousekeepingActivities = (deps: Deps): HousekeepingActivities => ({
  keepOutboxPartitions: () =>
    keepPartitions(deps.db, {
      schema: OUTBOX_SCHEMA,
      ahead: DAYS_AHEAD,
      retentionMs: deps.retentionMs,
      now: deps.clock.now(),
      streamHolds: async () => {
        const { stream } = deps.topology;
        const state = await streamState(deps.messaging.require(), stream);
        if (!state) throw new Error(`there is no stream ${stream}`);
        return state;
      },
    }),
});
