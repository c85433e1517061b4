import type { Knex } from 'knex';
import type { OutboxLocation } from './location.ts';
import { rowColumns, type OutboxRow } from './rows.ts';

/** What was published to one stream before a message of it. */
export interface PublishedBefore {
  /** `created` of the stream. */
  readonly streamCreated: string;
  readonly firstSequence: number;
}

// Everything up to the page that ends at the message before, or up to the last page when all end earlier; index
// outbox_journal_by_page (shard, page). A row that was parked counts by itself.
const selectPublished = `
  with until as materialized (
    select snapshot_from, snapshot_to, last_seq
    from :schema:.outbox_journal
    where shard = :shard and stream_created = :streamCreated
    order by stream_sequence >= :firstSequence - 1 desc,
      case when stream_sequence >= :firstSequence - 1 then page else -page end
    limit 1
  )
  select ${rowColumns}
  from until u
  join :schema:.outbox o on o.shard = :shard and o.seq > :after
    and (pg_visible_in_snapshot(o.xid, u.snapshot_from)
      or pg_visible_in_snapshot(o.xid, u.snapshot_to) and o.seq <= u.last_seq)
  where not exists (
    select from :schema:.outbox_parked p
    where p.seq = o.seq and not (
      p.state = 'PUBLISHED' and p.stream_created = :streamCreated and p.stream_sequence < :firstSequence)
  )
  order by o.seq
  limit :size`;

/**
 * Rows of a shard that were published to a stream before a message of it, page by page: those of the last page before
 * it may also lie behind it. What an operator discarded, or has not decided about, is not among them.
 * @param after `seq` of the last row that was read, '0' for none
 */
export async function readPublished(
  db: Knex,
  { schema }: OutboxLocation,
  shard: number,
  before: PublishedBefore,
  { after, size }: { readonly after: string; readonly size: number },
): Promise<OutboxRow[]> {
  const { rows } = await db.raw<{ rows: OutboxRow[] }>(selectPublished, {
    schema,
    shard,
    ...before,
    after,
    size,
  });
  return rows;
}

const selectDropped = `
  select max(created_before) as "droppedBefore" from :schema:.outbox_dropped
  where dropped_at < coalesce(cast(:until as timestamptz), 'infinity')`;

/** The time before which rows have been dropped from the outbox, until some time or now; undefined for none. */
export async function droppedBefore(
  db: Knex,
  { schema }: OutboxLocation,
  until?: string,
): Promise<Date | undefined> {
  const { rows } = await db.raw<{ rows: [{ droppedBefore: Date | null }] }>(selectDropped, {
    schema,
    until: until ?? null,
  });
  return rows[0].droppedBefore ?? undefined;
}
