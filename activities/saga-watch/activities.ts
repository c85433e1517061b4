import { Context } from '@temporalio/activity';
import {
  SAGA_WATCH_HEARTBEAT_TIMEOUT_MS,
  type SagaWatchActivities,
  type SagaWatchReport,
} from '../../domain/saga-watch.ts';
import { withFailures } from '../failures.ts';
import { beginning, restartOrphans, type RestartDeps, type SearchProgress } from './restart-orphans.ts';

interface Deps extends Omit<RestartDeps, 'signal'> {
  readonly onReport: (report: SagaWatchReport) => void;
  /** While the database is set back nothing is started: its rows are older than what the sagas have done. */
  readonly isPaused: () => boolean;
}

/** The search for orphans as a Temporal activity; an attempt resumes where the one before it was interrupted. */
export const createSagaWatchActivities = ({ onReport, isPaused, ...deps }: Deps): SagaWatchActivities =>
  withFailures<SagaWatchActivities>({
    restartOrphans: async () => {
      if (isPaused()) return beginning.report;
      const context = Context.current();
      let progress = (context.info.heartbeatDetails as SearchProgress | undefined) ?? beginning;
      // A page with many orphans may take longer than the timeout.
      const heartbeats = setInterval(() => {
        context.heartbeat(progress);
      }, SAGA_WATCH_HEARTBEAT_TIMEOUT_MS / 6);
      try {
        const report = await restartOrphans(
          { ...deps, signal: context.cancellationSignal },
          progress,
          (reached) => {
            progress = reached;
          },
        );
        onReport(report);
        return report;
      } finally {
        clearInterval(heartbeats);
      }
    },
  });
