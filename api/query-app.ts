import { Readable } from 'node:stream';
import type { Express } from 'express';
import { Gauge } from 'prom-client';
import { findOrders } from '../projections/queries/orders.ts';
import { createAnalyticsEndpoints, type AnalyticsDeps } from './analytics/analytics-endpoints.ts';
import { createExports, type Exports } from './analytics/exports.ts';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import { createLiveEndpoints, type LiveDeps } from './live/live-endpoints.ts';
import { createParkedEventQueries } from './parking/parked-event-endpoints.ts';
import { createQueryEndpoints, type QueryDeps } from './queries/query-endpoints.ts';
import { nothingHeard, type AppliedViews } from './reading/applied-views.ts';
import type { TokenWaits } from './reading/await-views.ts';
import { prepareReading } from './reading/prepare-reading.ts';
import { createReadCache } from './reading/read-cache.ts';
import { oneLookAtATime } from './reading/shared-looks.ts';
import { createViewWatch, type ViewWatch } from './reading/view-watch.ts';

interface QueryAppDeps extends Omit<QueryDeps, 'watch' | 'cache' | 'findOrder'>, LiveDeps, HttpStackDeps {
  /** Absent: one for a few hundred requests. */
  readonly watch?: ViewWatch;
  readonly tokenWaits?: TokenWaits;
  /** What projectors announce. Absent: the database is asked for everything. */
  readonly applied?: AppliedViews;
  /** About how many orders are kept in memory. 0, or absent: none. */
  readonly maxCachedOrders?: number;
  /** Absent: four at a time, each for a minute. */
  readonly exports?: Exports;
  /** Absent: nothing has happened yet. */
  readonly openHistory?: AnalyticsDeps['openHistory'];
}

/** The query side: reads the read tables and the event stream, and changes nothing. */
export function createQueryApp(deps: QueryAppDeps): Express {
  const {
    watch = createViewWatch({ db: deps.db, capacity: 500 }),
    tokenWaits = { ms: 2_000, maxSeconds: 30 },
    applied = nothingHeard,
    maxCachedOrders: maxOrders = 0,
    exports = createExports({ atOnce: 4, timeoutMs: 60_000 }),
    openHistory = () => Promise.resolve(Readable.from([])),
    registry,
  } = deps;
  new Gauge({
    name: 'requests_waiting_for_views',
    help: 'Queries that wait until the views have got to their Read-Token, or hold an order that was just placed',
    registers: [registry],
    collect: function () {
      this.set(watch.waiting);
    },
  });
  const cache = createReadCache({ applied, maxOrders, registry });
  const findOrder = oneLookAtATime((orderIds: readonly string[]) => findOrders(deps.db, orderIds));
  const queryDeps = { ...deps, watch, cache, findOrder, exports, openHistory };
  return createHttpApp(
    deps,
    [
      ...createQueryEndpoints(queryDeps),
      ...createParkedEventQueries({ readDb: deps.db }),
      ...createAnalyticsEndpoints(queryDeps),
      ...createLiveEndpoints(queryDeps),
    ],
    prepareReading({ ...deps, watch, tokenWaits, applied }),
  );
}
