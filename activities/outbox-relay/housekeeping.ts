import type { Knex } from '../../db/connection.ts';
import { removeExpiredKeys } from '../../db/idempotency.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { keepPartitions } from '../../db/outbox/partitions.ts';
import type { HousekeepingActivities } from '../../domain/relay.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { streamState } from '../../messaging/stream.ts';
import { logTechnical, withFailures } from '../failures.ts';
import type { Clock } from '../../platform/clock.ts';

interface Deps {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly clock: Clock;
  /** How long the outbox keeps what is published, in ms. */
  readonly retentionMs: number;
  /** How long an idempotency key is remembered, in ms. */
  readonly keyTtlMs: number;
}

/** Days for which partitions are there already, should housekeeping stand still; after them outbox_default takes all. */
const DAYS_AHEAD = 3;
/** Keys that are removed in one transaction, some 10 ms: who takes one of them over waits for no longer. */
const KEYS_AT_ONCE = 1_000;

/** Without NATS, partitions are made and none is dropped. */
export const createHousekeepingActivities = (deps: Deps): HousekeepingActivities =>
  withFailures<HousekeepingActivities>({
    keepOutboxPartitions: () =>
      keepPartitions(deps.db, {
        schema: OUTBOX_SCHEMA,
        ahead: DAYS_AHEAD,
        retentionMs: deps.retentionMs,
        now: deps.clock.now(),
        onStreamUnknown: (error) => {
          logTechnical('the position of the stream is not known', error);
        },
        streamHolds: async () => {
          const { stream } = deps.topology;
          const state = await streamState(deps.messaging.require(), stream);
          if (!state) throw new Error(`there is no stream ${stream}`);
          return state;
        },
      }),

    removeExpiredKeys: async () => {
      const keysFrom = new Date(deps.clock.now().getTime() - deps.keyTtlMs);
      let all = 0;
      for (let removed = KEYS_AT_ONCE; removed === KEYS_AT_ONCE; all += removed)
        removed = await removeExpiredKeys(deps.db, { keysFrom, atMost: KEYS_AT_ONCE });
      return all;
    },
  });
