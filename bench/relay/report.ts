import { ratioOf, spreadOf, type Spread } from '../measure/statistics.ts';
import { figure, spreadText, type Table } from '../measure/table.ts';
import { aims, events, idleMs, latency } from '../scenarios/relay.ts';
import { payloadBytes } from './events.ts';
import type { IdleCell } from './idle.ts';
import { situations, type LatencyCell } from './latency.ts';
import type { Measurement } from './rates.ts';
import type { History } from './throughput.ts';

interface Measurements {
  readonly limits: readonly Measurement[];
  readonly latency: readonly LatencyCell[];
  readonly idle: readonly IdleCell[];
  readonly snapshot: readonly Measurement[];
  readonly writer: readonly Measurement[];
  readonly shards: readonly Measurement[];
  readonly backlog: readonly Measurement[];
  readonly history: History;
}

/** Median (min–max) over the rounds of everything that was measured, beside its limit and its aim. */
export function relayTables(measured: Measurements): Table[] {
  return [
    limitTable(measured.limits),
    latencyTable(
      `Commit → acknowledged by the stream, in ms; load: ${latency.eventsPerTransaction} events per transaction, from ` +
        `${latency.writers} writers on the same machine; half load is ${latency.load} of the highest of its round`,
      measured.latency,
      { [situations.idle]: aims.idleP99Ms, [situations.halfLoad]: aims.loadedP99Ms },
    ),
    idleTable(measured.idle),
    comparedWithFirst('Rows that were published before', measured.history.rates, aims.withHistory),
    latencyTable('The same, one event at a time, in ms', measured.history.latencies),
    comparedWithFirst('Events that wait when the relay comes back', measured.backlog),
    comparedWithFirst('Beside an open snapshot', measured.snapshot, aims.besideOpenTransaction),
    comparedWithFirst('Beside an open writer', measured.writer, aims.besideOpenTransaction),
    comparedWithFirst('Shards, one relay each, in one process', measured.shards),
  ];
}

const ratesOf = ({ rates }: Measurement): number[] => rates.map(({ perSecond }) => perSecond);

/** The relay, which is the first, by each of the others; the fastest of those is the limit that counts. */
function limitTable(measurements: readonly Measurement[]): Table {
  const [relay, ...others] = measurements;
  const medians = others.map((other) => spreadOf(ratesOf(other)).median);
  const rowOf = (measurement: Measurement, ratio: string, aim: string): string[] => [
    measurement.what,
    spreadText(spreadOf(ratesOf(measurement))),
    ratio,
    aim,
    cpuText(measurement),
  ];
  return {
    title:
      `Throughput: ${events.drained.toLocaleString('en')} events with a payload of ${payloadBytes} bytes, one relay ` +
      '(CPU from memory: with the making of the messages, which its time is without)',
    head: ['', 'events/s', 'relay ÷ this', 'aim', 'CPU µs per event: relay process, PostgreSQL, nats-server'],
    rows: [
      ...(relay ? [rowOf(relay, '', '')] : []),
      ...others.map((other, index) => {
        const ratio = ratioOf(relay ? ratesOf(relay) : [], ratesOf(other));
        const isLimit = medians[index] === Math.max(...medians);
        return rowOf(
          other,
          spreadText(ratio),
          isLimit ? `≥ ${aims.ofLimit}: ${verdict(ratio.median >= aims.ofLimit)}` : '',
        );
      }),
    ],
  };
}

const cpuText = ({ rates }: Measurement): string =>
  ['relay', 'PostgreSQL', 'nats-server']
    .map((name) => figure(1e6 * spreadOf(rates.map(({ cpu }) => cpu[name] ?? Number.NaN)).median))
    .join(', ');

function comparedWithFirst(title: string, measurements: readonly Measurement[], atLeast?: number): Table {
  const [first] = measurements;
  return {
    title,
    head: ['', 'events/s', 'ratio to the first', 'aim'],
    rows: measurements.map((measurement) => {
      const rates = ratesOf(measurement);
      const ratio = ratioOf(rates, first ? ratesOf(first) : []);
      const hasAim = atLeast !== undefined && measurement !== first;
      return [
        measurement.what,
        spreadText(spreadOf(rates)),
        measurement === first ? '' : spreadText(ratio),
        hasAim ? `≥ ${atLeast}: ${verdict(ratio.median >= atLeast)}` : '',
      ];
    }),
  };
}

function latencyTable(
  title: string,
  cells: readonly LatencyCell[],
  aimsForP99: Readonly<Record<string, number>> = {},
): Table {
  return {
    title,
    head: ['', 'events/s', 'p50', 'p99', 'aim for p99'],
    rows: [...new Set(cells.map(({ what }) => what))].map((what) => {
      const rounds = cells.filter((cell) => cell.what === what);
      const spread = (of: 'perSecond' | 'p50' | 'p99'): Spread => spreadOf(rounds.map((cell) => cell[of]));
      const atMost = aimsForP99[what];
      return [
        what,
        ...(['perSecond', 'p50', 'p99'] as const).map((of) => spreadText(spread(of))),
        atMost === undefined ? '' : `≤ ${atMost}: ${verdict(spread('p99').median <= atMost)}`,
      ];
    }),
  };
}

function idleTable(cells: readonly IdleCell[]): Table {
  const processes = Object.keys(cells[0]?.cpu ?? {});
  return {
    title: `CPU with nothing to do, % of a core over ${idleMs / 1_000} s`,
    head: ['', ...processes],
    rows: (['connected, no relay', 'relay'] as const).map((what) => [
      what,
      ...processes.map((name) =>
        spreadText(
          spreadOf(
            cells.filter((cell) => cell.what === what).map(({ cpu }) => 100 * (cpu[name] ?? Number.NaN)),
          ),
        ),
      ),
    ]),
  };
}

const verdict = (isMet: boolean): string => (isMet ? 'aim met' : 'aim missed');
