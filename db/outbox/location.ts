export interface OutboxLocation {
  /** Schema that holds the outbox tables. */
  readonly schema: string;
}

/** Sees nothing: 3 is the first transaction id there is. A cursor here has everything still to publish. */
export const BEGINNING = '3:3:';
