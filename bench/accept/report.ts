import { ratioOf, spreadOf } from '../measure/statistics.ts';
import { figure, spreadText, type Table } from '../measure/table.ts';
import type { Measurement } from '../relay/rates.ts';
import { aims, highestAt, overload as overloadScenario } from '../scenarios/accept.ts';
import type { Cell, Measurements } from './measurements.ts';
import type { Overload } from './overload.ts';

/** Median (min–max) over the rounds, beside what limits it and the aim. */
export const acceptTables = ({ rates, cells, overload }: Measurements): Table[] => [
  rateTable(rates),
  latencyTable(cells),
  cpuTable(cells),
  overloadTable(overload),
];

const ratesOf = (measurement: Measurement | undefined): number[] =>
  measurement?.rates.map(({ perSecond }) => perSecond) ?? [];

/** One API process at its highest, by each of the others. */
function rateTable(rates: readonly Measurement[]): Table {
  const api = rates.find(({ what }) => what === `1 API process × ${highestAt}`);
  const fastestPeer = rates
    .filter(({ what }) => what.startsWith('pgbench'))
    .sort((a, b) => spreadOf(ratesOf(b)).median - spreadOf(ratesOf(a)).median)[0];
  const aimOf = (measurement: Measurement): number | undefined => {
    if (measurement.what.startsWith('same stack')) return aims.ofStack;
    return measurement === fastestPeer ? aims.ofPeer : undefined;
  };
  return {
    title:
      'Orders per second: authenticated, validated, with an idempotency key each, written through to the disk; the clients run on the ' +
      'same machine (autocannon, a process of its own)',
    head: ['', 'orders/s', '1 API process at its highest ÷ this', 'aim'],
    rows: rates.map((measurement) => {
      const ratio = ratioOf(ratesOf(api), ratesOf(measurement));
      const aim = aimOf(measurement);
      return [
        measurement.what,
        spreadText(spreadOf(ratesOf(measurement))),
        measurement === api ? '' : spreadText(ratio),
        aim === undefined ? '' : `≥ ${aim}: ${ratio.median >= aim ? 'aim met' : 'aim missed'}`,
      ];
    }),
  };
}

const byWhat = (cells: readonly Cell[]): [string, Cell[]][] =>
  [...new Set(cells.map(({ what }) => what))].map((what) => [
    what,
    cells.filter((cell) => cell.what === what),
  ]);

const latencyTable = (cells: readonly Cell[]): Table => ({
  title: 'From request to answer, in ms; each connection has one request under way',
  head: ['', 'p50', 'p99'],
  rows: byWhat(cells).map(([what, rounds]) => [
    what,
    spreadText(spreadOf(rounds.map(({ result }) => result.p50))),
    spreadText(spreadOf(rounds.map(({ result }) => result.p99))),
  ]),
});

function cpuTable(cells: readonly Cell[]): Table {
  const processes = ['API 1', 'API 2', 'PostgreSQL', 'clients'];
  const medianOf = (rounds: readonly Cell[], of: (cell: Cell) => number): number =>
    spreadOf(rounds.map(of)).median;
  return {
    title: 'CPU in µs per order, how much of one core the clients took, and how many orders went together',
    head: ['', ...processes, '% of a core: clients', 'orders per transaction'],
    rows: byWhat(cells).map(([what, rounds]) => [
      what,
      ...processes.map((name) =>
        figure(1e6 * medianOf(rounds, ({ result }) => result.cpu[name] ?? Number.NaN)),
      ),
      figure(100 * medianOf(rounds, ({ result }) => result.clientsCore)),
      figure(medianOf(rounds, ({ perBatch }) => perBatch)),
    ]),
  };
}

const overloadTable = (measured: Overload): Table => ({
  title: `${overloadScenario.factor} times the highest rate for ${figure(measured.seconds)} s, from ${overloadScenario.connections} connections`,
  head: ['', ''],
  rows: [
    ['highest rate before, orders/s', figure(measured.highest)],
    ['offered, orders/s', figure(measured.offered)],
    ['accepted, orders/s', figure(measured.accepted)],
    ['refused, % of the requests', figure(100 * measured.refused)],
    ['without an answer within 10 s, %', figure(100 * measured.unanswered)],
    ['memory before, most, after, MiB', Object.values(measured.memory).map(figure).join(', ')],
    ['accepts again after, ms', figure(measured.recoveredAfterMs)],
  ],
});
