/** What the relay workflow runs; one at a time per shard. */
export interface RelayActivities {
  /**
   * Publishes a shard's outbox until it is asked to hand over.
   * @throws RELAY_HANDED_OVER (another worker goes on), OUTBOX_REFUSED (a person has to decide)
   */
  readonly relayOutbox: (shard: number) => Promise<void>;
}

/** The relay pings Temporal more often than this; a worker that died is noticed after it. */
export const RELAY_HEARTBEAT_TIMEOUT_MS = 5_000;
/** After this the activity ends by itself, so that its workflow's history shows signs of life. */
export const RELAY_RUN_MS = 10 * 60_000;
/**
 * Far beyond it, because a relay goes on while Temporal is out of reach and could not begin the next run. One that
 * hangs is noticed by its missing heartbeats.
 */
export const RELAY_TIMEOUT_MS = 7 * 24 * 3_600_000;

/** What was done to the partitions of the outbox, by their names. */
export interface PartitionReport {
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  /** What was due and was not done, and why; the next run tries again. */
  readonly postponed: readonly { readonly partition: string; readonly because: string }[];
}

/** What the housekeeping workflows run. */
export interface HousekeepingActivities {
  /** Makes the outbox partitions of the days to come and drops those that nobody needs any more. */
  readonly keepOutboxPartitions: () => Promise<PartitionReport>;
  /** Removes idempotency keys that have expired. @returns how many. */
  readonly removeExpiredKeys: () => Promise<number>;
}
