import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { shardsAhead } from '../../db/outbox/ahead.ts';
import { isPublished } from '../../db/outbox/window.ts';
import { OUTBOX_SHARDS, type Topology } from '../../domain/topology.ts';
import type { SagaRuns } from '../saga-watch/saga-runs.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { streamState, type StreamState } from '../../messaging/stream.ts';
import type { PaymentBooks } from '../payments/payment-gateway.ts';
import type { CarrierBooks } from '../shipping/carrier.ts';

/** Where the audit looks. */
export interface Sources {
  /** Database of the write side. */
  readonly db: Knex;
  /** Database of the read tables: the same, or one of their own. */
  readonly readDb: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly provider: PaymentBooks;
  readonly carrier: CarrierBooks;
  /** Which sagas run; absent: the check of orders without a saga is left out. */
  readonly sagas?: Pick<SagaRuns, 'listRunning' | 'stateOf'>;
  /** An open order that changed within this is not taken for one without a saga, in ms. */
  readonly orphanAfterMs?: number;
  /** How long what is committed may take until the read tables show it, and how long a book may be unavailable, in ms. */
  readonly settleWithinMs: number;
  /** Aborted when the audit is to end. */
  readonly signal?: AbortSignal | undefined;
  /** Told what it is at, now and then. */
  readonly onProgress: (what: string) => void;
}

/** The audit cannot say whether anything has drifted, because it cannot look. */
export class CannotLookError extends Error {
  override readonly name = 'CannotLookError';
}

/** @throws CannotLookError while relays publish nothing because the database was set back: nothing would settle */
export async function assertNotAhead({ db }: Sources): Promise<void> {
  const shards = await shardsAhead(db, { schema: OUTBOX_SCHEMA });
  if (shards.length > 0)
    throw new CannotLookError(
      `the stream is ahead of the database, which was set back to an older copy (outbox shards ${shards.map(({ shard }) => shard).join(', ')}): run \`npm run set-back -- status\``,
    );
}

/** For one statement over a whole table; the connections' own limit is for requests. */
const STATEMENT_LIMIT = "set local statement_timeout = '120s'";

/** All statements of `look` see the write side, or the read side, at one moment. */
export const inSnapshot = <T>(db: Knex, look: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
  db.transaction(
    async (trx) => {
      await trx.raw(STATEMENT_LIMIT);
      return look(trx);
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );

/** What a transaction sees: waited for with `untilSettled`. */
export async function snapshotOf(trx: Knex.Transaction): Promise<string> {
  const { rows } = await trx.raw<{ rows: [{ snapshot: string }] }>(
    'select cast(pg_current_snapshot() as text) as snapshot',
  );
  return rows[0].snapshot;
}

const LOOK_AGAIN_MS = 50;

/**
 * Waits until everything that a snapshot of the write side sees is in the stream and in the read tables. Goes by
 * positions alone: no clock is compared with another one.
 * @returns the stream, up to which the read tables hold everything
 * @throws CannotLookError naming who stands still
 */
export async function untilSettled(sources: Sources, snapshot: string): Promise<StreamState> {
  const { db, readDb, settleWithinMs } = sources;
  const until = Date.now() + settleWithinMs;
  const waitFor = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    while (!(await isSo())) {
      sources.signal?.throwIfAborted();
      if (Date.now() > until) throw new CannotLookError(`${what} within ${settleWithinMs / 1_000} s`);
      await pause(LOOK_AGAIN_MS);
    }
  };
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++) {
    const at = { schema: OUTBOX_SCHEMA, shard };
    await waitFor(`the relay of shard ${shard} did not publish what is committed`, () =>
      isPublished(db, at, snapshot),
    );
  }
  const state = await currentStream(sources);
  await waitFor(`the projector did not apply message ${state.lastSequence} of the stream`, () =>
    isApplied(readDb, state),
  );
  return state;
}

/** @throws CannotLookError while NATS is out of reach, or has no stream */
export async function currentStream({ messaging, topology }: Sources): Promise<StreamState> {
  const state = messaging.current && (await streamState(messaging.current, topology.stream));
  if (!state) throw new CannotLookError(`NATS is out of reach, or has no stream ${topology.stream}`);
  return state;
}

const selectApplied = `
  select coalesce(bool_and(stream_sequence >= :lastSequence and stream_created = :created), false) as "isApplied"
  from read.checkpoints`;

async function isApplied(readDb: Knex, { created, lastSequence }: StreamState): Promise<boolean> {
  if (lastSequence === 0) return true;
  const { rows } = await readDb.raw<{ rows: [{ isApplied: boolean }] }>(selectApplied, {
    created,
    lastSequence,
  });
  return rows[0].isApplied;
}
