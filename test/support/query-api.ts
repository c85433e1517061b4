import type { AnalyticsDeps } from '../../api/analytics/analytics-endpoints.ts';
import { createQueryApp } from '../../api/query-app.ts';
import type { Knex } from '../../db/connection.ts';
import { systemClock } from '../../platform/clock.ts';
import { listen } from '../../platform/http-server.ts';
import { httpDeps } from './http.ts';

/** A query API in this process, for whoever asks. */
export async function serveQueryApi(
  db: Knex,
  deps: Partial<Pick<AnalyticsDeps, 'exports' | 'openHistory'>> = {},
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const ui = { url: 'http://127.0.0.1:8233/', namespace: 'default' };
  const own = { db, clock: systemClock, ui, freshOrderWaitMs: 0, ...deps };
  const server = await listen(createQueryApp({ ...httpDeps(), ...own }), '127.0.0.1', 0);
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.close() };
}
