import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import {
  decideParkedEvent,
  decideParkedEvents,
  editParkedEvent,
  faultsOfEdit,
} from '../../projections/parking/decisions.ts';
import { findParkedEvent, parkedEventsByCause } from '../../projections/queries/parked-events.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { FieldProblem } from '../field-problem.ts';
import { encode } from '../queries/query-schemas.ts';
import {
  editParkedEventContract,
  listParkedEventsContract,
  resolveParkedEventContract,
  resolveParkedEventsContract,
  showParkedEventContract,
} from './contracts.ts';
import { toParkedEventContentView, toParkedGroupView } from './parked-event-views.ts';

interface Deps {
  /** Database of the read tables. */
  readonly readDb: Knex;
}

/** What an operator sees of events that could not be applied. */
export const createParkedEventQueries = ({ readDb }: Deps): Endpoint[] => [
  endpoint(listParkedEventsContract, async ({ query: { cursor, ...filter }, response }) => {
    const { groups, next } = await parkedEventsByCause(readDb, { ...filter, after: cursor });
    response.json({
      groups: groups.map(toParkedGroupView),
      ...(next ? { nextCursor: encode(next.cause, next.id) } : {}),
    });
  }),

  endpoint(showParkedEventContract, async ({ params: { id }, response }) => {
    const event = await findParkedEvent(readDb, id);
    if (!event) throw notParked(id);
    response.json(toParkedEventContentView(event));
  }),
];

/** What an operator decides about them. */
export const createParkedEventCommands = ({ readDb }: Deps): Endpoint[] => [
  endpoint(resolveParkedEventsContract, async ({ principal, body, response }) => {
    const { action, reason, limit, cause, aggregateId } = body;
    const selection = cause === undefined ? { aggregateId: aggregateId ?? '' } : { cause };
    const decision = { action, operator: principal.subject, reason };
    response.json({ action, ...(await decideParkedEvents(readDb, selection, limit, decision)) });
  }),

  endpoint(resolveParkedEventContract, async ({ principal, params: { id }, body, response }) => {
    const { action, reason } = body;
    const decision = { action, operator: principal.subject, reason };
    if (!(await decideParkedEvent(readDb, id, decision))) throw notParked(id);
    response.json({ id, action });
  }),

  endpoint(editParkedEventContract, async ({ principal, params: { id }, body, response }) => {
    const parked = await findParkedEvent(readDb, id);
    if (!parked) throw notParked(id);
    const edited = JSON.stringify(body.event);
    const faults = faultsOfEdit(parked, edited).map(({ field, message }) => ({
      field: field === '' ? 'event' : `event.${field}`,
      message,
    }));
    if (faults.length > 0) throw new FieldProblem('VALIDATION_FAILED', faults);
    const edit = { body: edited, operator: principal.subject, reason: body.reason };
    if (!(await editParkedEvent(readDb, id, edit))) throw notParked(id);
    response.json({ id, isEdited: true });
  }),
];

const notParked = (id: string): OrderSystemError =>
  new OrderSystemError(
    'NOT_PARKED',
    `event ${id} waits for no decision; GET /operations/projections/parked lists those that do`,
  );
