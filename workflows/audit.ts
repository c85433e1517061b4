import { proxyActivities } from '@temporalio/workflow';
import {
  AUDIT_HEARTBEAT_TIMEOUT_MS,
  hasDrifted,
  type AuditActivities,
  type AuditReport,
} from '../domain/audit.ts';
import { md, withItems, withList, type Markdown } from '../domain/markdown.ts';
import { showDetails } from './details.ts';

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
  showDetails(describe(report));
  return report;
}

function describe(report: AuditReport): Markdown {
  const checks = report.checks.map(({ name, looked, drifted, parked, moving, samples, advice }) => {
    const rest = others({ parked, moving });
    return withItems(
      drifted > 0
        ? md`${name}: **${drifted} drifted** of ${looked}${rest}`
        : md`${name}: holds for ${looked}${rest}`,
      [...samples.map((sample) => md`${sample}`), ...(drifted > 0 ? [md`${advice}`] : [])],
    );
  });
  return withList(hasDrifted(report) ? md`**Something has drifted.**` : md`Nothing has drifted.`, checks);
}

const others = ({ parked, moving }: { parked: number; moving: number }): string =>
  (parked > 0 ? `, ${parked} parked` : '') + (moving > 0 ? `, ${moving} on the move` : '');
