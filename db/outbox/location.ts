export interface OutboxLocation {
  /** Schema that holds the outbox tables. */
  readonly schema: string;
}
