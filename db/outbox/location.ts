export interface OutboxLocation {
  /** Schema that holds the outbox tables. */
  readonly schema: string;
}

/** The first transaction id there is; the one of whoever made the cluster, and over for every snapshot. */
export const FIRST_XID = '3';
/** Sees nothing. A cursor here has everything still to publish. */
export const BEGINNING = `${FIRST_XID}:${FIRST_XID}:`;
/** Greatest number that a row can have. */
export const GREATEST_SEQ = '9223372036854775807';
/** Ahead of all transaction ids that a server will ever give out. */
export const AHEAD_FOR_EVER = '9223372036854775807:9223372036854775807:';
