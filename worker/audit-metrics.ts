import { Gauge, type Registry } from 'prom-client';
import { hasDrifted, type AuditReport } from '../domain/audit.ts';
import type { Logger } from '../platform/logger.ts';

/** @returns what to call with each audit that came to its end in this process */
export function createAuditMetrics(registry: Registry, logger: Logger): (report: AuditReport) => void {
  const drift = new Gauge({
    name: 'audit_drift',
    help: 'Orders, products or quarters of an hour that had drifted at the last audit of this process, by check',
    labelNames: ['check'],
    registers: [registry],
  });
  const lastSuccess = new Gauge({
    name: 'audit_last_success_timestamp_seconds',
    help: 'When the last audit of this process came to its end, whatever it found; 0 for none yet',
    registers: [registry],
  });
  return (report) => {
    for (const { name, drifted } of report.checks) drift.set({ check: name }, drifted);
    lastSuccess.set(Date.parse(report.endedAt) / 1_000);
    for (const { name, drifted, samples, advice } of report.checks)
      if (drifted > 0) logger.error({ check: name, drifted, samples, advice }, 'an audit found drift');
    if (!hasDrifted(report)) logger.info('an audit found no drift');
  };
}
