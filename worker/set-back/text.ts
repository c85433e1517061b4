import type { SetBackReport } from './report.ts';

/** Lines of each list that are shown; `--json` has all. */
const SHOWN = 10;

/** The report for people. */
export function textOf(report: SetBackReport): string {
  if (!report.isAhead) return 'the database knows every event that the stream holds: nothing was lost';
  const { counts, eventsByType, aggregates, money, parcels, placedAgain, unreadable } = report;
  return [
    `the stream is ahead of the database: it holds ${counts.events} events that the database does not know`,
    '',
    `orders that are missing:  ${counts.ordersMissing}`,
    `orders that are behind:   ${counts.ordersBehind}`,
    `conflicts:                ${counts.conflicts}`,
    `messages not readable:    ${counts.unreadable}`,
    ...Object.entries(eventsByType).map(([type, n]) => `  ${type}: ${n}`),
    ...list(
      'what the stream knows',
      aggregates.map(({ type, id, standing, version, lost }) => {
        const versions = lost.map((each) => `${each.version} ${each.type}`).join(', ');
        return `${standing} ${type} ${id}: ${version === 0 ? 'no row' : `row at version ${version}`}, stream has ${versions}`;
      }),
    ),
    ...list(
      'money that moved at the payment provider',
      money.map(
        ({ orderId, kind, amountMinor, currency, providerReference }) =>
          `${kind} order ${orderId}: ${amountMinor} ${currency} (minor units)${providerReference === undefined ? '' : `, ${providerReference}`}`,
      ),
    ),
    ...list(
      'parcels that were booked',
      parcels.map(({ orderId, carrier, trackingNumber }) => `order ${orderId}: ${carrier} ${trackingNumber}`),
    ),
    ...list(
      'orders that may have been placed a second time since, because idempotency keys were lost',
      placedAgain.map(
        ({ lostOrderId, orderId, customerId }) =>
          `order ${orderId} of ${customerId}, same lines as ${lostOrderId}`,
      ),
    ),
    ...list(
      'messages that this release cannot read',
      unreadable.map((sequence) => `sequence ${sequence}`),
    ),
  ].join('\n');
}

/** Both ways on, printed below the report. */
export const waysOn = `
two ways on:
  npm run set-back -- take-back          the stream is right: writes what it knows back into the database
  npm run set-back -- publish-from-here  the database is right: removes these events from the stream, rebuilds the views`;

function list(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - SHOWN;
  return [
    '',
    `${title}:`,
    ...lines.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more (--json lists all)`] : []),
  ];
}
