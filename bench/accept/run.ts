import { join } from 'node:path';
import { migrate } from '../../db/migrate.ts';
import { installProjections } from '../../projections/kit/install.ts';
import { projections } from '../../projections/projections.ts';
import { listProducts } from '../../test/support/products.ts';
import { storeVersions } from '../machine.ts';
import type { Bench, Outcome } from '../outcome.ts';
import { inTurn, type Side } from '../relay/rates.ts';
import { benchProducts } from '../saga/orders.ts';
import {
  callers,
  connections,
  highestAt,
  overload,
  peerClients,
  warmUpSeconds,
} from '../scenarios/accept.ts';
import { startStores } from '../stores.ts';
import { createCallers } from './callers.ts';
import { startClients } from './clients.ts';
import type { Cell, Measurements } from './measurements.ts';
import { measureOverload, type Overload, type Overloaded } from './overload.ts';
import { findPgbench, type Pgbench } from './pgbench.ts';
import { profileApi } from './profiled.ts';
import { acceptTables } from './report.ts';
import { batchesOf, startApiServer, type ApiServer } from '../api-servers.ts';

/** How fast orders are accepted, beside what limits it. */
export async function benchAccept(bench: Bench): Promise<Outcome> {
  const { progress, closers } = bench;
  const stores = await startStores(progress, closers);
  const pgbench = await findPgbench(stores.dir, progress);
  const servers = {
    ...(await storeVersions({ databaseUrl: stores.postgresUrl, natsUrl: stores.natsUrl })),
    pgbench: pgbench?.version ?? 'not on PATH: nothing to compare with (Debian: postgresql-contrib)',
  };
  const databaseUrl = await stores.createDatabase('accept', async (db) => {
    await migrate({ write: db, read: db });
    await installProjections(db, projections);
    await listProducts(db, benchProducts);
  });
  const { tokens, settings } = await createCallers(callers);
  const here = { stores, closers, settings };
  const clients = await startClients(closers, tokens);
  if (bench.profile) {
    const profileDir = join(stores.dir, 'profile');
    const api = await startApiServer(here, 'command-api', databaseUrl, profileDir);
    return { servers, tables: [await profileApi({ clients, api, profileDir })] };
  }
  const apis = [
    await startApiServer(here, 'command-api', databaseUrl),
    await startApiServer(here, 'command-api', databaseUrl),
  ] as const;
  const stack = await startApiServer(here, 'no-database', databaseUrl);
  const cells: Cell[] = [];
  const sides = [
    ...[...connections].reverse().map((count) => loadSide(`1 API process × ${count}`, [apis[0]], count)),
    loadSide(`2 API processes × ${highestAt}`, apis, highestAt),
    loadSide(`same stack without database × ${highestAt}`, [stack], highestAt),
    ...(pgbench ? peerClients.map((count) => peerSide(pgbench, count)) : []),
  ];

  function loadSide(what: string, targets: readonly ApiServer[], count: number): Side {
    const processes = {
      ...Object.fromEntries(targets.map(({ pid }, index) => [`API ${index + 1}`, pid])),
      ...stores.processes,
    };
    return {
      what,
      measure: async () => {
        const load = { urls: targets.map(({ url }) => url), connections: count };
        await clients.load({ ...load, seconds: warmUpSeconds }, {});
        const before = await batchesOf(targets);
        const result = await clients.load({ ...load, seconds: bench.seconds }, processes);
        const after = await batchesOf(targets);
        const perBatch = (after.orders - before.orders) / (after.batches - before.batches);
        cells.push({ what, connections: count, result, perBatch });
        return result;
      },
    };
  }
  function peerSide(peer: Pgbench, count: number): Side {
    return {
      what: `pgbench, one order per transaction × ${count}`,
      measure: async () => ({ perSecond: await peer.run(databaseUrl, count, bench.seconds), cpu: {} }),
    };
  }

  const rates = await inTurn(sides, (done) => done < bench.rounds, progress);
  const overloads = await overloadOf({ clients, api: apis[0], token: tokens[0] ?? '' }, bench);
  await clients.end();
  const measurements: Measurements = { rates, cells, overload: overloads };
  return { servers, tables: acceptTables(measurements), measurements };
}

async function overloadOf(run: Overloaded, { seconds, long, progress }: Bench): Promise<Overload> {
  const highest = await run.clients.load({ urls: [run.api.url], connections: highestAt, seconds }, {});
  const lasts = overload.seconds[long ? 'long' : 'default'];
  progress(`offering ${overload.factor} times as much for ${lasts} s`);
  return measureOverload(run, highest, lasts);
}
