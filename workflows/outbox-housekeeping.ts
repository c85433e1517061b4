import { proxyActivities } from '@temporalio/workflow';
import { listOf, md, type Markdown } from '../domain/markdown.ts';
import type { HousekeepingActivities, PartitionReport } from '../domain/relay.ts';
import { showDetails } from './details.ts';

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
  showDetails(describe(report));
  return report;
}

function describe({ created, dropped, postponed }: PartitionReport): Markdown {
  const lines = [
    ...created.map((partition) => md`${partition}: created`),
    ...dropped.map((partition) => md`${partition}: dropped`),
    ...postponed.map(({ partition, because }) => md`${partition}: **not yet**, ${because}`),
  ];
  return lines.length === 0 ? md`Nothing was due.` : listOf(lines);
}
