import type { OrderEvent } from '../domain/events.ts';
import type { Knex } from './connection.ts';

/** Who asked for what and when, and what came of it; append-only, also for the owner of the table. */
export interface AuditEntry {
  /** Of the command or the event. */
  readonly id: string;
  readonly at: Date | string;
  /** The command's name, or the event's type. */
  readonly action: string;
  /** Who: a principal's subject. Null: nobody but the system. */
  readonly subject: string | null;
  /** Null for what is about no order. */
  readonly orderId: string | null;
  readonly traceparent: string;
  readonly details: object;
}

/** @param entries SQL for a JSON array of what `toAuditRow` makes, or for null when there are none */
export const auditStatement = (entries: string): string => `
  insert into orders.audit (id, at, action, subject, order_id, trace_id, details)
  select id, at, action, subject, "orderId", "traceId", details
  from json_to_recordset(${entries}) as entry
    (id uuid, at timestamptz, action text, subject text, "orderId" uuid, "traceId" text, details jsonb)`;

export const toAuditRow = ({ traceparent, ...entry }: AuditEntry): object => ({
  ...entry,
  traceId: traceparent.split('-')[1] ?? null,
});

/** Writes entries in the caller's transaction, or at once. */
export async function appendAudit(db: Knex, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await db.raw(auditStatement('cast(:entries as json)'), {
    entries: JSON.stringify(entries.map(toAuditRow)),
  });
}

/** An entry as it was written. */
export interface StoredAuditEntry extends Omit<AuditEntry, 'at' | 'traceparent' | 'details'> {
  readonly at: Date;
  readonly details: Record<string, unknown>;
  readonly traceId: string | null;
}

/** Where a page ended. */
export interface AuditCursor {
  /** ISO 8601, UTC, to the millisecond, which is how exactly entries are timed. */
  readonly at: string;
  readonly id: string;
}

interface AuditFilter {
  readonly orderId?: string | undefined;
  readonly subject?: string | undefined;
  /** Entries from then on. */
  readonly from?: Date | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: AuditCursor | undefined;
}

/** Entries, the newest first. Uses audit_by_order, audit_by_subject or audit_by_time. */
export async function listAudit(
  db: Knex,
  { orderId, subject, from, limit, after }: AuditFilter,
): Promise<{ entries: StoredAuditEntry[]; next?: AuditCursor }> {
  const query = db('orders.audit')
    .orderBy([
      { column: 'at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1)
    .select<StoredAuditEntry[]>('id', 'at', 'action', 'subject', 'details', {
      orderId: 'order_id',
      traceId: 'trace_id',
    });
  if (orderId !== undefined) void query.where('order_id', orderId);
  if (subject !== undefined) void query.where('subject', subject);
  if (from !== undefined) void query.where('at', '>=', from);
  if (after !== undefined) void query.whereRaw('(at, id) < (?, ?)', [after.at, after.id]);
  const rows = await query;
  const entries = rows.slice(0, limit);
  const last = entries.at(-1);
  return rows.length > limit && last
    ? { entries, next: { at: last.at.toISOString(), id: last.id } }
    : { entries };
}

/** What people decided, and what asked them to. */
export const auditOf = (events: readonly OrderEvent[]): AuditEntry[] =>
  events.filter(isAudited).map((event) => ({
    id: event.id,
    at: event.occurredAt,
    action: event.type,
    subject: 'operator' in event.data ? event.data.operator : null,
    orderId: event.aggregateId,
    traceparent: event.traceparent,
    details: event.data,
  }));

function isAudited({ type, data }: OrderEvent): boolean {
  switch (type) {
    case 'ApprovalRequested':
    case 'OrderApproved':
    case 'OrderRejected':
    case 'OrderStuck':
    case 'WaiverRequested':
    case 'StuckResolved':
      return true;
    case 'OrderCancelled':
    case 'ShipmentFailed':
      return 'reason' in data && data.reason === 'CANCEL_REQUESTED';
    case 'OrderCreated':
    case 'InventoryReserved':
    case 'PaymentCharged':
    case 'OrderCompleted':
    case 'PaymentRefunded':
    case 'InventoryReleased':
    case 'ShipmentBooked':
    case 'ShipmentDispatched':
    case 'ShipmentDelivered':
    case 'OrderRefunded':
      return false;
  }
}
