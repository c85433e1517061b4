import { hasDrifted, type AuditReport, type CheckReport } from '../../domain/audit.ts';

/** The report for people. */
export function textOf(report: AuditReport): string {
  const { checks, counts, startedAt, endedAt } = report;
  const rows = checks.map(({ name, looked, drifted, parked, moving }) =>
    [name, looked, drifted, parked, moving].map(String),
  );
  const events = (byType: Readonly<Record<string, number>>): number =>
    Object.values(byType).reduce((sum, n) => sum + n, 0);
  return [
    ...aligned([['check', 'looked at', 'drifted', 'parked', 'moving'], ...rows]),
    '',
    `${counts.orders} orders, ${counts.summaries} of them shown; ${events(counts.outbox)} events in the outbox, ${events(counts.stream)} in the stream`,
    `${counts.books.charges} charges, ${counts.books.refunds} refunds and ${counts.books.parcels} parcels in the books of provider and carrier`,
    ...(counts.books.foreign > 0
      ? [
          `${counts.books.foreign} entries of these books have keys of other applications and were passed over`,
        ]
      : []),
    ...(counts.unreadable > 0 ? [`${counts.unreadable} messages of the stream cannot be read`] : []),
    ...checks.filter(({ drifted }) => drifted > 0).flatMap(explained),
    '',
    `${hasDrifted(report) ? 'DRIFTED' : 'nothing has drifted'}, from ${startedAt} to ${endedAt}`,
  ].join('\n');
}

function explained({ name, holds, drifted, samples, advice }: CheckReport): string[] {
  const more = drifted - samples.length;
  return [
    '',
    `${name}: that ${holds} does not hold for ${drifted}`,
    ...samples.map((sample) => `  ${sample}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    `  → ${advice}`,
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}
