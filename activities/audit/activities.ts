import { Context } from '@temporalio/activity';
import type { AuditActivities, AuditReport } from '../../domain/audit.ts';
import { AUDIT_HEARTBEAT_TIMEOUT_MS } from '../../domain/audit.ts';
import { failWith, withFailures } from '../failures.ts';
import { audit } from './audit.ts';
import { CannotLookError, type Sources } from './sources.ts';

interface Deps extends Omit<Sources, 'signal' | 'onProgress'> {
  /** Told of each audit that came to its end. */
  readonly onReport: (report: AuditReport) => void;
}

/** How much of what drifted a run's result names: it is kept in Temporal's history. */
const SAMPLES = 5;

/** The audit as a Temporal activity. It only looks: repairs are asked for by people, with `npm run audit -- --repair`. */
export const createAuditActivities = ({ onReport, ...sources }: Deps): AuditActivities =>
  withFailures<AuditActivities>({
    auditSystem: async () => {
      const context = Context.current();
      let progress = 'begins';
      // What it is at shows beside the pending activity in the Web UI. A statement may take longer than the timeout.
      const heartbeats = setInterval(() => {
        context.heartbeat(progress);
      }, AUDIT_HEARTBEAT_TIMEOUT_MS / 6);
      try {
        const { report } = await audit({
          ...sources,
          samples: SAMPLES,
          signal: context.cancellationSignal,
          onProgress: (what) => {
            progress = what;
          },
        });
        onReport(report);
        return report;
      } catch (error) {
        // Its texts are ours: they name what stands still, and nothing technical.
        if (error instanceof CannotLookError) throw failWith('AUDIT_CANNOT_LOOK', { why: error.message });
        throw error;
      } finally {
        clearInterval(heartbeats);
      }
    },
  });
