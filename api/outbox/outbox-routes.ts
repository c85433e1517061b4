import { Router } from 'express';
import { z } from 'zod';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { decideParked, findParked, listParked } from '../../db/outbox/parking.ts';
import { outboxStatus } from '../../db/outbox/status.ts';
import { resolveParkedSchema } from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { allowOnly } from '../problems.ts';
import { readBody, validate, validateBody } from '../validation.ts';

const outbox = { schema: OUTBOX_SCHEMA };
const parkedRow = z.object({
  seq: z.string().regex(/^[1-9]\d{0,17}$/, 'must be the number of an outbox row'),
});
const page = z.object({
  limit: z.coerce.number().int().min(1, 'must be at least 1').max(500, 'must be at most 500').default(100),
});

/** What an operator sees of the outbox, and decides about rows that cannot be published. */
export function createOutboxRoutes({ db }: { readonly db: Knex }): Router {
  const router = Router();

  router
    .route('/operations/outbox')
    .get(async (_request, response) => {
      response.json(await outboxStatus(db, outbox));
    })
    .all(allowOnly('GET'));

  router
    .route('/operations/outbox/parked')
    .get(async (request, response) => {
      const { limit } = validate(page, request.query);
      response.json({ parked: await listParked(db, outbox, limit) });
    })
    .all(allowOnly('GET'));

  router
    .route('/operations/outbox/parked/:seq')
    .get(async (request, response) => {
      const { seq } = validate(parkedRow, request.params);
      const row = await findParked(db, outbox, seq);
      if (!row) throw notParked(seq);
      response.json(row);
    })
    .all(allowOnly('GET'));

  router
    .route('/operations/outbox/parked/:seq/resolve')
    .post(readBody, async (request, response) => {
      const { seq } = validate(parkedRow, request.params);
      const { action, operator, reason } = validateBody(resolveParkedSchema, request.body);
      const isDecided = await decideParked(db, outbox, seq, { decision: action, operator, reason });
      if (!isDecided) throw notParked(seq);
      response.json({ seq, action });
    })
    .all(allowOnly('POST'));

  return router;
}

const notParked = (seq: string): OrderSystemError =>
  new OrderSystemError(
    'NOT_PARKED',
    `outbox row ${seq} waits for no decision; GET /operations/outbox/parked lists those that do`,
  );
