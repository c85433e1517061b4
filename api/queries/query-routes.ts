import { setTimeout as pause } from 'node:timers/promises';
import { Router } from 'express';
import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { orderIdSchema, timeOfUuidV7 } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';
import { findOrder, listOrders } from '../../projections/queries/orders.ts';
import { listProducts } from '../../projections/queries/products.ts';
import { salesByDay, salesBySku } from '../../projections/queries/sales.ts';
import { stuckSagasByCause } from '../../projections/queries/stuck-sagas.ts';
import { allowOnly } from '../problems.ts';
import { validate } from '../validation.ts';
import { toCancellationView } from './cancellation-view.ts';
import { tellProjectionLag } from './freshness.ts';
import { toOrderListItem, toOrderView } from './order-view.ts';
import {
  createSalesSchema,
  encodeCursor,
  encodeStuckCursor,
  orderListSchema,
  stuckListSchema,
} from './query-schemas.ts';
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

const READ_METHODS = allowOnly('GET', 'HEAD');
const POLL_MS = 25;
/** An id made longer ago than this is not of an order that is still on its way to the views. */
const FRESH_MS = 60_000;

/** Pure reads over the read tables. */
export function createQueryRoutes(deps: QueryDeps): Router {
  const { db, clock, ui } = deps;
  const router = Router();
  router.use(tellProjectionLag(db, clock));

  router
    .route('/orders')
    .get(async (request, response) => {
      const { cursor, ...filter } = validate(orderListSchema, request.query);
      const { orders, next } = await listOrders(db, { ...filter, after: cursor });
      response.json({
        items: orders.map((order) => toOrderListItem(order, ui)),
        ...(next ? { nextCursor: encodeCursor(next) } : {}),
      });
    })
    .all(allowOnly('GET', 'HEAD', 'POST'));

  router
    .route('/orders/:id')
    .get(async (request, response) => {
      response.json(toOrderView(await requireOrder(deps, request.params.id), ui));
    })
    .all(READ_METHODS);

  router
    .route('/orders/:id/cancellation')
    .get(async (request, response) => {
      response.json(toCancellationView(await requireOrder(deps, request.params.id)));
    })
    .all(READ_METHODS);

  router
    .route('/operations/sagas')
    .get(async (request, response) => {
      const { cursor, cause, limit } = validate(stuckListSchema, request.query);
      const { groups, next } = await stuckSagasByCause(db, { cause, limit, after: cursor });
      response.json({
        groups: groups.map((group) => toStuckGroupView(group, ui)),
        ...(next ? { nextCursor: encodeStuckCursor(next) } : {}),
      });
    })
    .all(READ_METHODS);

  router
    .route('/analytics/sales')
    .get(async (request, response) => {
      const { by, ...period } = validate(createSalesSchema(clock.now()), request.query);
      response.json({ items: by === 'day' ? await salesByDay(db, period) : await salesBySku(db, period) });
    })
    .all(READ_METHODS);

  router
    .route('/products')
    .get(async (_request, response) => {
      response.json({ items: await listProducts(db) });
    })
    .all(READ_METHODS);

  return router;
}

/** @throws OrderSystemError NOT_FOUND */
async function requireOrder(deps: QueryDeps, text: string): Promise<OrderSummary> {
  const id = orderIdSchema.safeParse(text);
  const order = id.success ? await findOrderOrWait(deps, id.data) : undefined;
  if (!order) throw new OrderSystemError('NOT_FOUND', `there is no order ${text}`);
  return order;
}

/** The id of an order tells when it was placed: one from a moment ago may not have reached the views yet. */
async function findOrderOrWait(
  { db, clock, freshOrderWaitMs }: QueryDeps,
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
