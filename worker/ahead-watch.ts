import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { Gauge, type Registry } from 'prom-client';
import type { Knex } from '../db/connection.ts';
import { OUTBOX_SCHEMA } from '../db/migrations/0002-outbox.ts';
import { shardsAhead } from '../db/outbox/ahead.ts';
import { OUTBOX_SHARDS } from '../domain/topology.ts';
import { NotReady } from '../platform/readiness.ts';

/** Shown by `/readyz`, and the failure of each step that waits. */
const STREAM_AHEAD = 'the stream is ahead of the database';

/** Whether some relay, of whatever worker, has found that the database was set back. */
export interface AheadWatch {
  readonly isAhead: boolean;
  /** @throws NotReady while the database is set back and no operator has chosen a way on */
  assertNotAhead(): void;
  /** Ends the polling. */
  close(): void;
}

/** A saga step takes far longer to become harmful than this: its row must have been written before. */
const POLL_MS = 1_000;
const RETRY_STEP_AFTER = '30s';

/** Polls the database once a second, so that no saga step has to ask it. A failed poll leaves the last answer. */
export function watchStreamAhead(db: Knex, registry: Registry): AheadWatch {
  const gauge = new Gauge({
    name: 'outbox_stream_ahead',
    help: 'Whether the stream holds events of this shard that the database does not know: it was set back',
    labelNames: ['shard'],
    registers: [registry],
  });
  let isAhead = false;
  let isPolling = false;
  const poll = async (): Promise<void> => {
    if (isPolling) return;
    isPolling = true;
    try {
      const shards = new Set((await shardsAhead(db, { schema: OUTBOX_SCHEMA })).map(({ shard }) => shard));
      isAhead = shards.size > 0;
      for (let shard = 0; shard < OUTBOX_SHARDS; shard++) gauge.set({ shard }, shards.has(shard) ? 1 : 0);
    } catch {
      // The database is out of reach, which the readiness check `postgres` reports; the last answer stays.
    } finally {
      isPolling = false;
    }
  };
  const timer = setInterval(() => void poll(), POLL_MS);
  void poll();
  return {
    get isAhead() {
      return isAhead;
    },
    assertNotAhead: () => {
      if (isAhead) throw new NotReady(STREAM_AHEAD);
    },
    close: () => {
      clearInterval(timer);
    },
  };
}

/**
 * Holds back all saga steps while the database is set back: what a saga writes to an older row takes a version that
 * the stream has already, and could no longer be reconciled.
 */
export const pauseWhileAhead =
  (watch: Pick<AheadWatch, 'isAhead'>): ActivityInterceptorsFactory =>
  () => ({
    inbound: {
      execute: async (input, next) => {
        if (watch.isAhead)
          throw ApplicationFailure.create({
            message: STREAM_AHEAD,
            type: 'UNAVAILABLE',
            nextRetryDelay: RETRY_STEP_AFTER,
          });
        return next(input);
      },
    },
  });
