import { DefaultLogger, Runtime } from '@temporalio/worker';
import { startBenchServers } from '../bench-servers.ts';
import { storeVersions, temporalVersion } from '../machine.ts';
import { percentile, ratioOf } from '../measure/statistics.ts';
import { figure, spreadText, type Table } from '../measure/table.ts';
import type { Bench, Outcome } from '../outcome.ts';
import { killed, throttled, variantNames, variants, type VariantName } from '../scenarios/overload.ts';
import { drain, type Drained } from './drain.ts';
import { killWorkers, type Interrupted } from './kills.ts';

/** What a worker does that has too little CPU, and how soon sagas go on when a worker was killed. */
export async function benchOverload(bench: Bench): Promise<Outcome> {
  const { progress, closers, rounds } = bench;
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const servers = await startBenchServers(progress, closers);
  const databaseUrl = await servers.createDatabase('versions');
  const versions = {
    ...(await storeVersions({ databaseUrl, natsUrl: servers.natsUrl })),
    Temporal: await temporalVersion(servers.temporalAddress),
  };
  const drained = new Map<VariantName, Drained[]>(variantNames.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++)
    for (const name of variantNames) {
      progress(`round ${round}: ${variants[name].what}, with ${throttled.share * 100} % of the CPU time`);
      const cell = await drain(servers, `${name}_${round}`, variants[name].env);
      progress(
        `${cell.ended.join(' ')} of ${throttled.orders} ended, ${cell.thrownAway} results thrown away`,
      );
      drained.get(name)?.push(cell);
    }
  progress(`killing one of two workers, ${killed.times} times`);
  const interrupted = await killWorkers(servers, 'killed');
  return {
    servers: versions,
    tables: [drainTable(drained), ratioTable(drained), killTable(interrupted)],
    measurements: { drained: Object.fromEntries(drained), interrupted },
  };
}

const drainTable = (drained: ReadonlyMap<VariantName, readonly Drained[]>): Table => ({
  title: `${throttled.orders} orders, one worker with ${throttled.share * 100} % of the CPU time`,
  head: [
    'variant',
    ...Array.from(
      { length: throttled.samples },
      (_, index) => `${figure(((index + 1) * throttled.withinMs) / throttled.samples / 1_000)} s`,
    ),
    'all ended after s',
    'thrown away',
  ],
  rows: [...drained].flatMap(([name, cells]) =>
    cells.map(({ ended, seconds, thrownAway }) => [
      variants[name].what,
      ...Array.from({ length: throttled.samples }, (_, index) => String(ended[index] ?? ended.at(-1))),
      figure(seconds ?? Number.NaN),
      String(thrownAway),
    ]),
  ),
});

/** Both were measured one after the other in the same round. */
function ratioTable(drained: ReadonlyMap<VariantName, readonly Drained[]>): Table {
  const endedOf = (name: VariantName): number[] =>
    (drained.get(name) ?? []).map(({ ended }) => ended.at(-1) ?? Number.NaN);
  return {
    title: 'Orders that had ended in the time',
    head: ['', 'ratio'],
    rows: [['as shipped ÷ 100 slots', spreadText(ratioOf(endedOf('shipped'), endedOf('hundred')))]],
  };
}

function killTable(interrupted: readonly Interrupted[]): Table {
  const seconds = interrupted.map(({ seconds: taken }) => taken ?? Infinity);
  return {
    title: `From SIGKILL of one of two workers to the next event of each open order (${seconds.length} orders)`,
    head: ['', 'p50 s', 'p90 s', 'p99 s', 'max s'],
    rows: [['as shipped', ...[0.5, 0.9, 0.99, 1].map((share) => figure(percentile(seconds, share)))]],
  };
}
