import { proxyActivities } from '@temporalio/workflow';
import { md } from '../domain/markdown.ts';
import type { HousekeepingActivities } from '../domain/relay.ts';
import { showDetails } from './details.ts';

// Ends before the schedule's next run is due, as the outbox's housekeeping does.
const { removeExpiredKeys } = proxyActivities<HousekeepingActivities>({
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '50 minutes',
  retry: { maximumInterval: '1 minute' },
  summary: 'Remove expired idempotency keys',
});

/** One round of housekeeping among idempotency keys; its schedule starts the next. @returns how many are gone. */
export async function keysHousekeeping(): Promise<number> {
  const removed = await removeExpiredKeys();
  showDetails(
    removed === 0 ? md`Nothing was due.` : md`${removed} idempotency keys had expired and were removed.`,
  );
  return removed;
}
