import type { Knex } from '../../db/connection.ts';
import { searchOrders } from '../../projections/queries/order-search.ts';
import { actsForOthers, customersListed } from '../auth/ownership.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { toOrderListItem } from '../queries/order-view.ts';
import { encodeCursor } from '../queries/query-schemas.ts';
import type { TemporalUi } from '../queries/temporal-ui.ts';
import { searchOrdersContract } from './contracts.ts';

interface SearchDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly ui: TemporalUi;
}

export const createSearchEndpoints = ({ db, ui }: SearchDeps): Endpoint[] => [
  endpoint(searchOrdersContract, async ({ principal, query, response }) => {
    const { q: terms, limit, cursor: after } = query;
    const customerId = customersListed(principal, query.customerId);
    const { orders, next } = await searchOrders(db, { terms, customerId, limit, after });
    response.json({
      items: orders.map((order) => toOrderListItem(order, ui, actsForOthers(principal))),
      ...(next ? { nextCursor: encodeCursor(next) } : {}),
    });
  }),
];
