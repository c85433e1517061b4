import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { parkedCauses, retryParkedCause } from '../../db/outbox/parked-by-cause.ts';
import { decideParked, findParked, listParked, listSetAside } from '../../db/outbox/parking.ts';
import { outboxStatus } from '../../db/outbox/status.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import {
  listParkedContract,
  outboxStatusContract,
  resolveParkedContract,
  retryParkedRowsContract,
  showParkedContract,
} from './contracts.ts';
import { toOutboxStatusView, toParkedCauseView, toParkedRowView } from './outbox-views.ts';

const outbox = { schema: OUTBOX_SCHEMA };

/** What an operator sees of the outbox, and decides about rows that cannot be published. */
export const createOutboxEndpoints = ({ db }: { readonly db: Knex }): Endpoint[] => [
  endpoint(outboxStatusContract, async ({ response }) => {
    response.json(toOutboxStatusView(await outboxStatus(db, outbox)));
  }),

  endpoint(listParkedContract, async ({ query: { limit }, response }) => {
    const rows = await listParked(db, outbox, limit);
    const causes = await parkedCauses(db, outbox, limit);
    const setAside = await listSetAside(db, outbox, limit);
    response.json({
      parked: rows.map(toParkedRowView),
      causes: causes.map(toParkedCauseView),
      setAside: setAside.map(toParkedRowView),
    });
  }),

  endpoint(showParkedContract, async ({ params: { seq }, response }) => {
    const row = await findParked(db, outbox, seq);
    if (!row) throw notParked(seq);
    response.json(toParkedRowView(row));
  }),

  endpoint(retryParkedRowsContract, async ({ principal, body, response }) => {
    const { action, reason, ...selection } = body;
    const decided = await retryParkedCause(db, outbox, selection, { operator: principal.subject, reason });
    response.json({ action, ...decided });
  }),

  endpoint(resolveParkedContract, async ({ principal, params: { seq }, body, response }) => {
    const { action: decision, reason } = body;
    const decided = { decision, operator: principal.subject, reason };
    if (!(await decideParked(db, outbox, seq, decided))) throw notParked(seq);
    response.json({ seq, action: decision });
  }),
];

const notParked = (seq: string): OrderSystemError =>
  new OrderSystemError(
    'NOT_PARKED',
    `outbox row ${seq} waits for no decision; GET /operations/outbox/parked lists those that do`,
  );
