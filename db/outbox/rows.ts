import type { OutboxEvent } from './append.ts';

export interface OutboxRow extends Omit<OutboxEvent, 'payload'> {
  /** JSON text, as PostgreSQL writes it: a relay passes it on and does not look into it. */
  readonly payload: string;
  /** Position in the outbox; a bigint as text. */
  readonly seq: string;
}

/** What an `OutboxRow` is selected by, from `outbox` as `o`. */
export const rowColumns = `
    o.seq, o.id, o.shard, o.aggregate_type as "aggregateType", o.aggregate_id as "aggregateId",
    o.aggregate_version as "aggregateVersion", o.event_type as "eventType", o.payload::text, o.headers`;

/**
 * A row that cannot be published is parked, and its aggregate's later rows wait behind it, so that all others go on.
 * `PARKED`: at fault, an operator decides. `BEHIND`: waits for an earlier row. `RETRY`: to be tried again.
 * `DISCARDED`: never published, as an operator decided. `PUBLISHED`: published after all.
 */
export type ParkedState = 'PARKED' | 'BEHIND' | 'RETRY' | 'DISCARDED' | 'PUBLISHED';

/** A row that is not published with its page. */
export interface Parked {
  readonly seq: string;
  readonly state: 'PARKED' | 'BEHIND' | 'RETRY';
  /** Why, for a row that was refused. */
  readonly cause?: string;
}

/** A row of a page that may have been read before. */
export interface PageRow extends OutboxRow {
  /** Null for one that was never parked. */
  readonly parked: ParkedState | null;
}
