import type { Measured } from '../measure/loops.ts';
import { ratioOf, spreadOf } from '../measure/statistics.ts';
import { figure, spreadText, type Table } from '../measure/table.ts';
import {
  concurrencies,
  ratios,
  variantNames,
  variants,
  wholeStack,
  type VariantName,
} from '../scenarios/saga.ts';
import type { SagaCell, StackCell } from './benchmark.ts';

/** Median (min–max) over the rounds of every measurement, and the ratios beside their aims. */
export function sagaTables(cells: readonly SagaCell[]): Table[] {
  const of = (variant: VariantName, concurrency: number): Measured[] =>
    cells
      .filter((cell) => cell.variant === variant && cell.concurrency === concurrency)
      .map(({ measured }) => measured);
  const rates = (variant: VariantName, concurrency: number): number[] =>
    of(variant, concurrency).map(({ perSecond }) => perSecond);

  const measurements = concurrencies.flatMap((concurrency) =>
    variantNames.map((variant) => ({
      label: variants[variant].what,
      cells: [String(concurrency)],
      rounds: of(variant, concurrency),
    })),
  );
  return [
    {
      title: 'Sagas per second, ratios (median and spread of the ratio in each round)',
      head: ['', ...concurrencies.map((concurrency) => `at ${concurrency}`), 'aim'],
      rows: ratios.map(({ what, of: other, aim }) => [
        what,
        ...concurrencies.map((concurrency) =>
          spreadText(ratioOf(rates('order', concurrency), rates(other, concurrency))),
        ),
        aim,
      ]),
    },
    measurementTable('Order saga, start to end', ['concurrency', 'sagas/s'], measurements),
    cpuTable('CPU ms per saga (median)', ['concurrency'], measurements),
  ];
}

/** Accept → completed, and what it costs. */
export function stackTables(cells: readonly StackCell[]): Table[] {
  const loads = [...new Set(cells.map(({ load }) => load))];
  const measurements = loads.map((load) => ({
    label: load === 'highest rate' ? `${load} (${wholeStack.highestRateAt} at a time)` : load,
    cells: [],
    rounds: cells.filter((cell) => cell.load === load).map(({ measured }) => measured),
  }));
  return [
    measurementTable('Whole stack, accepted to completed', ['orders/s'], measurements),
    cpuTable('CPU ms per order (median)', [], measurements),
  ];
}

interface Measurement {
  readonly label: string;
  readonly cells: readonly string[];
  readonly rounds: readonly Measured[];
}

const measurementTable = (
  title: string,
  columns: readonly string[],
  measurements: readonly Measurement[],
): Table => ({
  title,
  head: ['', ...columns, 'p50 ms', 'p99 ms'],
  rows: measurements.map(({ label, cells, rounds }) => [
    label,
    ...cells,
    ...[
      rounds.map(({ perSecond }) => perSecond),
      rounds.map(({ p50 }) => p50),
      rounds.map(({ p99 }) => p99),
    ].map((values) => spreadText(spreadOf(values))),
  ]),
});

function cpuTable(title: string, columns: readonly string[], measurements: readonly Measurement[]): Table {
  const processes = Object.keys(measurements[0]?.rounds[0]?.cpu ?? {});
  return {
    title,
    head: ['', ...columns, ...processes],
    rows: measurements.map(({ label, cells, rounds }) => [
      label,
      ...cells,
      ...processes.map((name) =>
        figure(1_000 * spreadOf(rounds.map(({ cpu }) => cpu[name] ?? Number.NaN)).median),
      ),
    ]),
  };
}
