import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { orderIdSchema, timeOfUuidV7 } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { listAilingSagas } from '../../projections/queries/ailing-sagas.ts';
import { listOrders, type ShownOrder } from '../../projections/queries/orders.ts';
import { listProducts, type ListedProduct } from '../../projections/queries/products.ts';
import { stuckSagasByCause } from '../../projections/queries/stuck-sagas.ts';
import { actsForOthers, customersListed, mayAccessOrdersOf } from '../auth/ownership.ts';
import type { Principal } from '../auth/principal.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { createCustomerEndpoints } from '../customers/customer-endpoints.ts';
import { createFiguresEndpoints } from '../figures/figures-endpoints.ts';
import { createSearchEndpoints } from '../search/search-endpoints.ts';
import { encodedOnce, sendEncoded } from '../reading/encoded.ts';
import { copiesFor } from '../reading/prepare-reading.ts';
import type { Copies, ReadCache } from '../reading/read-cache.ts';
import type { ViewWatch } from '../reading/view-watch.ts';
import { toAilingSagaView } from './ailing-view.ts';
import { toCancellationView } from './cancellation-view.ts';
import {
  listOrdersContract,
  listProductsContract,
  listSagasContract,
  showCancellationContract,
  showOrderContract,
} from './contracts.ts';
import { toOrderListItem, toOrderView } from './order-view.ts';
import { encodeAilingCursor, encodeCursor, encodeStuckCursor } from './query-schemas.ts';
import { toStuckGroupView } from './stuck-view.ts';
import type { TemporalUi } from './temporal-ui.ts';

export interface QueryDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly clock: Clock;
  readonly ui: TemporalUi;
  /** How long an order that was just placed is waited for, in ms. */
  readonly freshOrderWaitMs: number;
  readonly watch: ViewWatch;
  readonly cache: ReadCache;
  /** As it is when it is asked for, or later. */
  readonly findOrder: (orderId: string) => Promise<ShownOrder | undefined>;
}

/** An id made longer ago than this is not of an order that is still on its way to the views. */
const FRESH_MS = 60_000;

/** Pure reads over the read tables. */
export function createQueryEndpoints(deps: QueryDeps): Endpoint[] {
  const { db, ui, cache } = deps;
  const encodedForOperators = encodedOnce((order: ShownOrder) => toOrderView(order, ui, true));
  const encodedForCustomers = encodedOnce((order: ShownOrder) => toOrderView(order, ui, false));
  const encodedProducts = encodedOnce((items: ListedProduct[]) => ({ items }));
  return [
    // Before the order of an id, whose path is like its.
    ...createSearchEndpoints(deps),
    endpoint(listOrdersContract, async ({ principal, query, response }) => {
      const { cursor, ...filter } = query;
      const customerId = customersListed(principal, filter.customerId);
      const { orders, next } = await listOrders(db, { ...filter, customerId, after: cursor });
      response.json({
        items: orders.map((order) => toOrderListItem(order, ui, actsForOthers(principal))),
        ...(next ? { nextCursor: encodeCursor(next) } : {}),
      });
    }),

    endpoint(showOrderContract, async ({ principal, params, request, response }) => {
      const order = await requireOrder(deps, principal, params.id, copiesFor(response));
      const encoded = actsForOthers(principal) ? encodedForOperators(order) : encodedForCustomers(order);
      sendEncoded(request, response, encoded);
    }),

    endpoint(showCancellationContract, async ({ principal, params, response }) => {
      const order = await requireOrder(deps, principal, params.id, copiesFor(response));
      response.json(toCancellationView(order));
    }),

    endpoint(listSagasContract, async ({ query, response }) => {
      const { state, cursor, cause, limit } = query;
      if (state !== 'stuck') {
        const { sagas, next, examinedAt } = await listAilingSagas(db, { state, limit, after: cursor });
        response.json({
          state,
          items: sagas.map((saga) => toAilingSagaView(saga, ui)),
          ...(examinedAt === null ? {} : { examinedAt }),
          ...(next ? { nextCursor: encodeAilingCursor(next) } : {}),
        });
        return;
      }
      const after = cursor && 'cause' in cursor ? cursor : undefined;
      const { groups, next } = await stuckSagasByCause(db, { cause, limit, after });
      response.json({
        groups: groups.map((group) => toStuckGroupView(group, ui)),
        ...(next ? { nextCursor: encodeStuckCursor(next) } : {}),
      });
    }),

    endpoint(listProductsContract, async ({ request, response }) => {
      const products = await cache.products(copiesFor(response), () => listProducts(db));
      sendEncoded(request, response, encodedProducts(products));
    }),

    ...createCustomerEndpoints(deps),
    ...createFiguresEndpoints(deps),
  ];
}

/** @throws OrderSystemError NOT_FOUND, also when it is there and not for this caller */
export async function requireOrder(
  deps: QueryDeps,
  principal: Principal,
  text: string,
  copies: Copies,
): Promise<ShownOrder> {
  const id = orderIdSchema.safeParse(text);
  // Copies go by ids as events have them.
  const orderId = id.data?.toLowerCase();
  const order = orderId === undefined ? undefined : await findOrderOrWait(deps, principal, orderId, copies);
  if (!order) throw new OrderSystemError('NOT_FOUND', `there is no order ${text}`);
  return order;
}

/**
 * The id of an order tells when it was placed: one from a moment ago may not have reached the views yet. Another's is
 * waited for like one that is not there, so that the time tells nothing.
 */
async function findOrderOrWait(
  { findOrder, clock, watch, cache, freshOrderWaitMs }: QueryDeps,
  principal: Principal,
  orderId: string,
  copies: Copies,
): Promise<ShownOrder | undefined> {
  const isVisible = (customerId: string): boolean => mayAccessOrdersOf(principal, customerId);
  const find = (): Promise<ShownOrder | undefined> => findOrder(orderId);
  const order = await cache.order(orderId, copies, find);
  if (order && isVisible(order.customerId)) return order;
  const placedAt = timeOfUuidV7(orderId) ?? Number.NEGATIVE_INFINITY;
  if (Math.abs(clock.now().getTime() - placedAt) > FRESH_MS) return undefined;
  const isThere = await watch.untilReached([{ orderId, version: 1 }], isVisible, { ms: freshOrderWaitMs });
  return isThere ? cache.order(orderId, 'refused', find) : undefined;
}
