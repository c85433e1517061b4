import type { Knex } from '../../db/connection.ts';

/** An event that could not be applied and waits for an operator. */
export interface ParkedEvent {
  readonly id: string;
  readonly aggregateType: 'order' | 'product' | 'message';
  readonly aggregateId: string;
  /** As far as the message tells, as the next three. */
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly schemaVersion: number | null;
  readonly aggregateVersion: number | null;
  readonly streamSequence: number;
  readonly cause: string;
  readonly detail: string;
  readonly attempts: number;
  readonly parkedAt: Date;
  /** Later events of the same aggregate that wait behind it. */
  readonly waiting: number;
  readonly isEdited: boolean;
}

const columns = `
  p.id, p.aggregate_type as "aggregateType", p.aggregate_id as "aggregateId", p.event_id as "eventId",
  p.event_type as "eventType", cast(p.schema_version as float8) as "schemaVersion",
  cast(p.aggregate_version as float8) as "aggregateVersion", cast(p.stream_sequence as float8) as "streamSequence",
  p.cause, p.detail, p.attempts, p.parked_at as "parkedAt", p.edited_body is not null as "isEdited",
  (select cast(count(*) as integer) from read.parked_events b
    where b.aggregate_type = p.aggregate_type and b.aggregate_id = p.aggregate_id and b.state = 'BEHIND') as waiting`;

/** Where a page ended: the next one goes on behind it. */
export interface ParkedCursor {
  readonly cause: string;
  readonly id: string;
}

export interface ParkedFilter {
  readonly cause?: string | undefined;
  readonly aggregateId?: string | undefined;
  /** Events, over all groups. */
  readonly limit: number;
  readonly after?: ParkedCursor | undefined;
}

/** All that failed for the same cause: figures of all, and those that are on the page. */
export interface ParkedGroup {
  readonly cause: string;
  readonly count: number;
  readonly oldestParkedAt: Date;
  /** The oldest first. */
  readonly events: readonly ParkedEvent[];
}

// Both read the index parked_events_cause, which holds nothing but what waits for an operator.
const isListed = `p.state = 'PARKED' and (cast(:cause as text) is null or p.cause = :cause)
    and (cast(:aggregateId as text) is null or p.aggregate_id = :aggregateId)`;
const selectGroups = `
  select p.cause, cast(count(*) as integer) as count, min(p.parked_at) as "oldestParkedAt"
  from read.parked_events p
  where ${isListed}
  group by p.cause
  order by p.cause`;
const selectPage = `
  select ${columns}
  from read.parked_events p
  where ${isListed} and (cast(:afterCause as text) is null or (p.cause, p.id) > (:afterCause, cast(:afterId as bigint)))
  order by p.cause, p.id
  limit :limit`;

/**
 * Every group on every page, by cause; a page holds at most `limit` events of them all, the others' groups show none.
 * @returns the cursor when there are more.
 */
export async function parkedEventsByCause(
  db: Knex,
  { cause, aggregateId, limit, after }: ParkedFilter,
): Promise<{ groups: ParkedGroup[]; next?: ParkedCursor }> {
  const filter = { cause: cause ?? null, aggregateId: aggregateId ?? null };
  const groups = await db.raw<{ rows: Omit<ParkedGroup, 'events'>[] }>(selectGroups, filter);
  const page = await db.raw<{ rows: ParkedEvent[] }>(selectPage, {
    ...filter,
    afterCause: after?.cause ?? null,
    afterId: after?.id ?? null,
    limit: limit + 1,
  });
  const events = page.rows.slice(0, limit);
  const last = events.at(-1);
  return {
    groups: groups.rows.map((group) => ({
      ...group,
      events: events.filter((event) => event.cause === group.cause),
    })),
    ...(page.rows.length > limit && last ? { next: { cause: last.cause, id: last.id } } : {}),
  };
}

/** One of them with what is in it. */
export interface ParkedEventContent extends ParkedEvent {
  readonly subject: string;
  readonly body: Buffer;
  readonly edited: {
    readonly body: string;
    readonly by: string;
    readonly reason: string;
    readonly at: Date;
  } | null;
}

const selectOne = `
  select ${columns}, p.subject, p.body, p.edited_body as "editedBody", p.edited_by as "editedBy",
    p.edited_reason as "editedReason", p.edited_at as "editedAt"
  from read.parked_events p
  where p.id = :id and p.state = 'PARKED'`;

type ContentRow = Omit<ParkedEventContent, 'edited'> & {
  editedBody: string | null;
  editedBy: string;
  editedReason: string;
  editedAt: Date;
};

/** @returns undefined when no such event waits for an operator */
export async function findParkedEvent(db: Knex, id: string): Promise<ParkedEventContent | undefined> {
  const { rows } = await db.raw<{ rows: ContentRow[] }>(selectOne, { id });
  if (!rows[0]) return undefined;
  const { editedBody, editedBy: by, editedReason: reason, editedAt: at, ...content } = rows[0];
  return { ...content, edited: editedBody === null ? null : { body: editedBody, by, reason, at } };
}
