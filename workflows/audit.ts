import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import {
  AUDIT_HEARTBEAT_TIMEOUT_MS,
  hasDrifted,
  type AuditActivities,
  type AuditReport,
} from '../domain/audit.ts';

// An audit of many millions of events takes a while; one that could not look fails and is seen among the runs.
const { auditSystem } = proxyActivities<AuditActivities>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: AUDIT_HEARTBEAT_TIMEOUT_MS,
  retry: { maximumAttempts: 3, initialInterval: '1 minute' },
  summary: 'Compare write side, outbox, stream and read tables',
});

/** One audit; its schedule starts the next. It ends well also when something has drifted: its result says so. */
export async function audit(): Promise<AuditReport> {
  const report = await auditSystem();
  setCurrentDetails(describe(report));
  return report;
}

function describe(report: AuditReport): string {
  const lines = report.checks.flatMap(({ name, looked, drifted, parked, moving, samples, advice }) => [
    `- ${name}: ${drifted > 0 ? `**${drifted} drifted** of` : 'holds for'} ${looked}${others({ parked, moving })}`,
    ...samples.map((sample) => `  - ${sample}`),
    ...(drifted > 0 ? [`  - ${advice}`] : []),
  ]);
  return [hasDrifted(report) ? '**Something has drifted.**' : 'Nothing has drifted.', '', ...lines].join(
    '\n',
  );
}

const others = ({ parked, moving }: { parked: number; moving: number }): string =>
  (parked > 0 ? `, ${parked} parked` : '') + (moving > 0 ? `, ${moving} on the move` : '');
