import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { HousekeepingActivities, PartitionReport } from '../domain/relay.ts';

// Ends before the schedule's next run is due, so that a failure is seen among its runs and does not go on for ever.
const { keepOutboxPartitions } = proxyActivities<HousekeepingActivities>({
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '50 minutes',
  retry: { maximumInterval: '1 minute' },
  summary: 'Keep the partitions of the outbox',
});

/** One round of housekeeping in the outbox; its schedule starts the next. */
export async function outboxHousekeeping(): Promise<PartitionReport> {
  const report = await keepOutboxPartitions();
  setCurrentDetails(describe(report));
  return report;
}

function describe({ created, dropped, postponed }: PartitionReport): string {
  const lines = [
    ...created.map((partition) => `- ${partition}: created`),
    ...dropped.map((partition) => `- ${partition}: dropped`),
    ...postponed.map(({ partition, because }) => `- ${partition}: **not yet**, ${because}`),
  ];
  return lines.length === 0 ? 'Nothing was due.' : lines.join('\n');
}
