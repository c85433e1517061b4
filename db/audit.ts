import type { OrderEvent } from '../domain/events.ts';
import type { Knex } from './connection.ts';

/** What people decided, and what asked them to; append-only, also for the owner of the table. */
interface AuditRow {
  /** Of the event. */
  readonly id: string;
  readonly at: string;
  readonly order_id: string;
  readonly action: OrderEvent['type'];
  readonly operator: string | null;
  readonly details: string;
}

/** Writes the audit entries of these events, in the transaction that writes the events. */
export async function appendAudit(trx: Knex.Transaction, events: readonly OrderEvent[]): Promise<void> {
  const rows = events.filter(isAudited).map((event): AuditRow => ({
    id: event.id,
    at: event.occurredAt,
    order_id: event.aggregateId,
    action: event.type,
    operator: 'operator' in event.data ? event.data.operator : null,
    details: JSON.stringify(event.data),
  }));
  if (rows.length > 0) await trx('orders.audit').insert(rows);
}

function isAudited({ type, data }: OrderEvent): boolean {
  switch (type) {
    case 'ApprovalRequested':
    case 'OrderApproved':
    case 'OrderRejected':
    case 'OrderStuck':
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
