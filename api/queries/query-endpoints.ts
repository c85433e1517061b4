import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { orderIdSchema, timeOfUuidV7 } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';
import { findOrder, listOrders } from '../../projections/queries/orders.ts';
import { listProducts } from '../../projections/queries/products.ts';
import { stuckSagasByCause } from '../../projections/queries/stuck-sagas.ts';
import { customersListed, mayAccessOrdersOf } from '../auth/ownership.ts';
import type { Principal } from '../auth/principal.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { toCancellationView } from './cancellation-view.ts';
import {
  listOrdersContract,
  listProductsContract,
  listStuckSagasContract,
  showCancellationContract,
  showOrderContract,
} from './contracts.ts';
import { toOrderListItem, toOrderView } from './order-view.ts';
import { encodeCursor, encodeStuckCursor } from './query-schemas.ts';
import { toStuckGroupView } from './stuck-view.ts';
import type { TemporalUi } from './temporal-ui.ts';

export interface QueryDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly clock: Clock;
  readonly ui: TemporalUi;
  /** How long an order that was just placed is waited for, in ms. */
  readonly freshOrderWaitMs: number;
}

const POLL_MS = 25;
/** An id made longer ago than this is not of an order that is still on its way to the views. */
const FRESH_MS = 60_000;

/** Pure reads over the read tables. */
export function createQueryEndpoints(deps: QueryDeps): Endpoint[] {
  const { db, ui } = deps;
  return [
    endpoint(listOrdersContract, async ({ principal, query, response }) => {
      const { cursor, ...filter } = query;
      const customerId = customersListed(principal, filter.customerId);
      const { orders, next } = await listOrders(db, { ...filter, customerId, after: cursor });
      response.json({
        items: orders.map((order) => toOrderListItem(order, ui)),
        ...(next ? { nextCursor: encodeCursor(next) } : {}),
      });
    }),

    endpoint(showOrderContract, async ({ principal, params, response }) => {
      response.json(toOrderView(await requireOrder(deps, principal, params.id), ui));
    }),

    endpoint(showCancellationContract, async ({ principal, params, response }) => {
      response.json(toCancellationView(await requireOrder(deps, principal, params.id)));
    }),

    endpoint(listStuckSagasContract, async ({ query, response }) => {
      const { cursor, cause, limit } = query;
      const { groups, next } = await stuckSagasByCause(db, { cause, limit, after: cursor });
      response.json({
        groups: groups.map((group) => toStuckGroupView(group, ui)),
        ...(next ? { nextCursor: encodeStuckCursor(next) } : {}),
      });
    }),

    endpoint(listProductsContract, async ({ response }) => {
      response.json({ items: await listProducts(db) });
    }),
  ];
}

/** @throws OrderSystemError NOT_FOUND, also when it is there and not for this caller */
export async function requireOrder(
  deps: Pick<QueryDeps, 'db' | 'clock' | 'freshOrderWaitMs'>,
  principal: Principal,
  text: string,
): Promise<OrderSummary> {
  const id = orderIdSchema.safeParse(text);
  const order = id.success ? await findOrderOrWait(deps, id.data) : undefined;
  if (!order || !mayAccessOrdersOf(principal, order.customerId))
    throw new OrderSystemError('NOT_FOUND', `there is no order ${text}`);
  return order;
}

/** The id of an order tells when it was placed: one from a moment ago may not have reached the views yet. */
async function findOrderOrWait(
  { db, clock, freshOrderWaitMs }: Pick<QueryDeps, 'db' | 'clock' | 'freshOrderWaitMs'>,
  id: string,
): Promise<OrderSummary | undefined> {
  const startedAt = clock.now().getTime();
  const placedAt = timeOfUuidV7(id) ?? Number.NEGATIVE_INFINITY;
  const isFresh = Math.abs(startedAt - placedAt) < FRESH_MS;
  for (;;) {
    const order = await findOrder(db, id);
    if (order || !isFresh || clock.now().getTime() - startedAt > freshOrderWaitMs) return order;
    await pause(POLL_MS);
  }
}
