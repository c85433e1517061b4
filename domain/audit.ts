/** What one check of the audit found. */
export interface CheckReport {
  /** Stable, such as `order-summaries`. */
  readonly name: string;
  /** What must hold, in words. */
  readonly holds: string;
  /** Orders, products, quarters of an hour or figures that were looked at. */
  readonly looked: number;
  /** Of these, what differs and stays different. */
  readonly drifted: number;
  /** What differs and is known to: an event of it is parked or was discarded, or an order that it adds up has drifted. */
  readonly parked: number;
  /** What changed each time that it was looked at; the next audit meets it at rest. */
  readonly moving: number;
  /** The first few that drifted, each with what differs. */
  readonly samples: readonly string[];
  /** What to do about it. */
  readonly advice: string;
}

export interface AuditReport {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Rows of `orders.orders` and `read.order_summary`, and events of the outbox and the stream by their types. */
  readonly counts: AuditCounts;
  readonly checks: readonly CheckReport[];
}

export interface AuditCounts {
  readonly orders: number;
  readonly summaries: number;
  readonly outbox: Readonly<Record<string, number>>;
  readonly stream: Readonly<Record<string, number>>;
  /** Messages of the stream that this release cannot read; their events count as missing. */
  readonly unreadable: number;
  readonly books: BookCounts;
}

/** Entries in the books of the payment provider and the carrier. */
export interface BookCounts {
  readonly charges: number;
  readonly refunds: number;
  readonly parcels: number;
  /** Entries with a key that is not of this system: other applications may use the same accounts. */
  readonly foreign: number;
}

export const hasDrifted = ({ checks }: AuditReport): boolean => checks.some(({ drifted }) => drifted > 0);

/** What the audit workflow runs. */
export interface AuditActivities {
  /**
   * Compares write side, outbox, stream, read tables and the books of provider and carrier; changes nothing.
   * @throws Error when it could not look, such as while the projector stands still
   */
  readonly auditSystem: () => Promise<AuditReport>;
}

/** A worker that died, or an audit that hangs, is noticed after this. */
export const AUDIT_HEARTBEAT_TIMEOUT_MS = 30_000;
