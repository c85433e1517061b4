import { connect } from '../../db/connection.ts';
import { startApiServer } from '../api-servers.ts';
import { inTurn, type Side } from '../relay/rates.ts';
import { analytics, reads } from '../scenarios/projections.ts';
import type { ProjectionsRun } from './projections-run.ts';
import { createReadDatabase } from './read-database.ts';
import type { ReadCell, ReadersOfViews } from './reads.ts';
import { END, makeSales } from './sales-history.ts';

const DAY_MS = 24 * 3_600_000;

export interface SalesCell extends ReadCell {
  /** Rows of the table that the period has; whole orders only. */
  readonly rows: number;
}

/** The same period with more and more orders in it. */
export async function measureSalesSizes(
  run: ProjectionsRun,
  { readers, callers }: ReadersOfViews,
): Promise<SalesCell[]> {
  const { stores, closers, progress, seconds } = run;
  const from = new Date(END.getTime() - analytics.queriedDays * DAY_MS);
  const path = `/analytics/sales?from=${from.toISOString()}&to=${END.toISOString()}`;
  const cells: SalesCell[] = [];
  const sides: Side[] = [];
  for (const orders of analytics.orders[run.long ? 'long' : 'default']) {
    const what = `${orders.toLocaleString('en')} orders`;
    progress(`making the sales of ${what}`);
    const databaseUrl = await createReadDatabase(stores, `sales_${orders}`);
    const rows = await fill(databaseUrl, orders, from);
    const api = await startApiServer(
      { stores, closers, settings: callers.settings },
      'query-api',
      databaseUrl,
    );
    const load = {
      url: api.url,
      targets: [{ path, token: callers.analyst }],
      connections: analytics.connections,
    };
    sides.push({
      what,
      measure: async () => {
        await readers.read({ ...load, seconds: reads.warmUpSeconds }, {});
        const result = await readers.read({ ...load, seconds }, { server: api.pid, ...stores.processes });
        cells.push({ what, rows, result });
        return result;
      },
    });
  }
  await inTurn(sides, (done) => done < run.rounds, progress);
  return cells;
}

/** @returns how many rows the query reads */
async function fill(databaseUrl: string, orders: number, from: Date): Promise<number> {
  const db = connect({ url: databaseUrl, poolSize: 1, applicationName: 'bench' });
  try {
    await makeSales(db, orders);
    const [row] = await db('read.sales')
      // The days of UTC are kept as such.
      .where('grain', 24 * 60)
      .where('bucket', '>=', from)
      .where('bucket', '<', END)
      .where('sku', '')
      .count<{ count: string }[]>('*');
    return Number(row?.count);
  } finally {
    await db.destroy();
  }
}
