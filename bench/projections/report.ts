import { ratioOf, spreadOf, type Spread } from '../measure/statistics.ts';
import { figure, spreadText, type Table } from '../measure/table.ts';
import { situations } from './freshness.ts';
import type { LatencyCell } from '../relay/latency.ts';
import type { Measurement } from '../relay/rates.ts';
import { aims, analytics, freshness, inFlight, reads as readScenario } from '../scenarios/projections.ts';
import { routes, servers, type ReadCell, type Reads } from './reads.ts';
import type { SalesCell } from './sales-sizes.ts';
import { sides, type Throughput } from './throughput.ts';

export interface Measurements {
  readonly throughput: Throughput;
  readonly freshness: readonly LatencyCell[];
  readonly reads: Reads;
  readonly sales: readonly SalesCell[];
}

/** Median (min–max) over the rounds, beside what limits it and the aim. */
export const projectionTables = (measured: Measurements): Table[] => [
  throughputTable(measured.throughput),
  freshnessTable(measured.freshness),
  readTable(measured.reads),
  salesTable(measured.sales),
];

const ratesOf = (measurement: Measurement | undefined): number[] =>
  measurement?.rates.map(({ perSecond }) => perSecond) ?? [];

const atLeast = (aim: number, { median }: Spread): string => `≥ ${aim}: ${verdict(median >= aim)}`;

const verdict = (isMet: boolean): string => (isMet ? 'aim met' : 'aim missed');

function throughputTable({ rates, events, rows }: Throughput): Table {
  const one = rates.find(({ what }) => what === sides.one);
  const rebuild = rates.find(({ what }) => what === sides.rebuild);
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const perTable = Object.entries(rows).map(([table, count]) => `${table} ${count.toLocaleString('en')}`);
  return {
    title:
      `${events.toLocaleString('en')} events of whole orders, ${inFlight} of them under way at a time, from a filled ` +
      `stream into empty tables (${perTable.join(', ')} rows), from the start of the projector to the commit of the ` +
      'last page with its checkpoint; beside COPY, in text format and from memory, of just the rows that are in the ' +
      'tables then, into empty ones with the same keys and indexes, and of the events into a table with a key',
    head: [
      '',
      'events/s',
      'rows/s',
      '1 projector ÷ this',
      'rebuild ÷ this',
      'aims',
      'CPU µs per event: projectors or rebuild, PostgreSQL',
    ],
    rows: rates.map((measurement) => {
      const perSecond = spreadOf(ratesOf(measurement));
      const ratio = ratioOf(ratesOf(one), ratesOf(measurement));
      const rebuildRatio = ratioOf(ratesOf(rebuild), ratesOf(measurement));
      const rowsPerEvent = measurement.what === sides.events ? 1 : total / events;
      return [
        measurement.what,
        spreadText(perSecond),
        figure(perSecond.median * rowsPerEvent),
        measurement === one ? '' : spreadText(ratio),
        measurement === rebuild ? '' : spreadText(rebuildRatio),
        measurement.what === sides.rows
          ? [atLeast(aims.ofCopy, ratio), atLeast(aims.rebuildOfCopy, rebuildRatio)].join('; ')
          : '',
        cpuText(measurement),
      ];
    }),
  };
}

function cpuText({ rates }: Measurement): string {
  const of = (names: readonly string[]): string =>
    figure(
      1e6 * spreadOf(rates.map(({ cpu }) => names.reduce((sum, name) => sum + (cpu[name] ?? 0), 0))).median,
    );
  return [of(['projector 1', 'projector 2', 'rebuild']), of(['PostgreSQL'])].join(', ');
}

function freshnessTable(cells: readonly LatencyCell[]): Table {
  const p99Of = (situation: string): number[] =>
    cells.filter(({ what }) => what === situation).map(({ p99 }) => p99);
  const ratio = ratioOf(p99Of(situations.rebuilding), p99Of(situations.moderate));
  const most = aims.lagWhileRebuilding;
  const { half, moderate } = freshness.load;
  return {
    title:
      'From when the stream has acknowledged an event to the commit that makes it visible, in ms; ' +
      `${freshness.eventsPerPage} events are published together; half load is ${half} of what one projector applies ` +
      `from a filled stream, moderate load ${moderate} of it`,
    head: ['', 'events/s', 'p50', 'p99', 'p99 ÷ without rebuild', 'aim'],
    rows: Object.values(situations).map((situation) => [
      situation,
      ...(['perSecond', 'p50', 'p99'] as const).map((of) =>
        spreadText(spreadOf(cells.filter(({ what }) => what === situation).map((cell) => cell[of]))),
      ),
      ...(situation === situations.rebuilding
        ? [spreadText(ratio), `≤ ${most}: ${verdict(ratio.median <= most)}`]
        : ['', '']),
    ]),
  };
}

function readTable({ rates, cells, bytes }: Reads): Table {
  const ofRoute = (route: string, server: string): Measurement | undefined =>
    rates.find(({ what }) => what === `${route}, ${server}`);
  return {
    title:
      `Requests per second from ${readScenario.connections} connections, with a signed token each; ` +
      `${readScenario.orders.toLocaleString('en')} different orders of ${figure(bytes['order'] ?? 0)} bytes on average, ` +
      `sales of ${figure(bytes['sales'] ?? 0)} bytes; beside an Express app without middleware that sends the same ` +
      'bytes from memory, and a query API that asks the database, as it does without NATS; ' +
      'the readers run on the same machine (autocannon, a process of its own)',
    head: [
      '',
      'requests/s',
      'p50 ms',
      'p99 ms',
      'query API ÷ this',
      'aim',
      'CPU µs per request: server, PostgreSQL',
    ],
    rows: Object.values(routes).flatMap((route) =>
      Object.values(servers).map((server) => {
        const measurement = ofRoute(route, server);
        const ratio = ratioOf(ratesOf(ofRoute(route, servers.api)), ratesOf(measurement));
        const rounds = cells.filter(({ what }) => what === measurement?.what);
        return [
          `${route}, ${server}`,
          spreadText(spreadOf(ratesOf(measurement))),
          timesOf(rounds, 'p50'),
          timesOf(rounds, 'p99'),
          server === servers.api ? '' : spreadText(ratio),
          server === servers.express ? atLeast(aims.ofExpress, ratio) : '',
          ['server', 'PostgreSQL'].map((name) => cpuOf(rounds, name)).join(', '),
        ];
      }),
    ),
  };
}

const cpuOf = (rounds: readonly ReadCell[], name: string): string =>
  figure(1e6 * spreadOf(rounds.map(({ result }) => result.cpu[name] ?? Number.NaN)).median);

const timesOf = (rounds: readonly ReadCell[], of: 'p50' | 'p99'): string =>
  spreadText(spreadOf(rounds.map(({ result }) => result[of])));

function salesTable(cells: readonly SalesCell[]): Table {
  const sizes = [...new Set(cells.map(({ what }) => what))].map((what) =>
    cells.filter((cell) => cell.what === what),
  );
  const p99 = (rounds: readonly SalesCell[] | undefined): number[] =>
    (rounds ?? []).map(({ result }) => result.p99);
  return {
    title:
      `GET /analytics/sales by day over ${analytics.queriedDays} days, of so many orders in ${analytics.days} days, ` +
      `${analytics.products} products, from ${analytics.connections} connections; what counts is how many rows the ` +
      'days have',
    head: ['', 'rows read', 'requests/s', 'p50 ms', 'p99 ms', 'p99 ÷ the first', 'aim'],
    rows: sizes.map((rounds, index) => {
      const ratio = ratioOf(p99(rounds), p99(sizes[0]));
      return [
        rounds[0]?.what ?? '',
        (rounds[0]?.rows ?? 0).toLocaleString('en'),
        spreadText(spreadOf(rounds.map(({ result }) => result.perSecond))),
        timesOf(rounds, 'p50'),
        timesOf(rounds, 'p99'),
        index === 0 ? '' : spreadText(ratio),
        index === 0 ? '' : `≤ ${aims.flat}: ${verdict(ratio.median <= aims.flat)}`,
      ];
    }),
  };
}
