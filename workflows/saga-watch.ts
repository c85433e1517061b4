import { proxyActivities } from '@temporalio/workflow';
import {
  orphansIn,
  SAGA_WATCH_HEARTBEAT_TIMEOUT_MS,
  type SagaWatchActivities,
  type SagaWatchReport,
} from '../domain/saga-watch.ts';
import { md, withList, type Markdown } from '../domain/markdown.ts';
import { showDetails } from './details.ts';

// Hours, because a million sagas may have to be started again. The schedule skips searches meanwhile.
const { restartOrphans } = proxyActivities<SagaWatchActivities>({
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: SAGA_WATCH_HEARTBEAT_TIMEOUT_MS,
  retry: { maximumAttempts: 10, maximumInterval: '30 seconds' },
  summary: 'Find orders that have lost their saga',
});

/** One search for orders that have lost their saga; its schedule starts the next. */
export async function sagaWatch(): Promise<SagaWatchReport> {
  const report = await restartOrphans();
  showDetails(describe(report));
  return report;
}

function describe({ examined, orphaned, restarted, failed }: SagaWatchReport): Markdown {
  if (orphansIn({ orphaned }) === 0) return md`All of ${examined} open orders have their saga.`;
  return withList(
    md`**Of ${examined} open orders some had lost their saga**; ${restarted} sagas were started again, ${failed} could not be started.`,
    Object.entries(orphaned).map(([reason, count]) => md`${reason}: ${count}`),
  );
}
