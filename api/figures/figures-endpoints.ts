import type { Knex } from '../../db/connection.ts';
import type { Clock } from '../../platform/clock.ts';
import { inventoryLevels } from '../../projections/queries/inventory.ts';
import { operationsFigures } from '../../projections/queries/operations.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { encode } from '../queries/query-schemas.ts';
import { inventoryContract, operationsFiguresContract } from './contracts.ts';
import { figuresPeriod } from './figures-period.ts';

interface FiguresDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly clock: Clock;
}

/** What operators want to know beside single orders. */
export const createFiguresEndpoints = ({ db, clock }: FiguresDeps): Endpoint[] => [
  endpoint(inventoryContract, async ({ query: { below, limit, cursor }, response }) => {
    const { levels, next } = await inventoryLevels(db, { below, limit, after: cursor });
    response.json({ items: levels, ...(next === undefined ? {} : { nextCursor: encode(next) }) });
  }),

  endpoint(operationsFiguresContract, async ({ query, response }) => {
    const period = figuresPeriod(query, clock.now());
    const { total, items } = await operationsFigures(db, period);
    response.json({ from: period.from.toISOString(), to: period.to.toISOString(), total, items });
  }),
];
