import { z } from 'zod';
import {
  editParkedEventSchema,
  resolveParkedEventsSchema,
  resolveParkedSchema,
} from '../../domain/commands.ts';
import { storedText } from '../../domain/text.ts';
import { contract } from '../endpoints/contract.ts';
import { cursorSchema, limitSchema, nextCursor } from '../queries/query-schemas.ts';
import { parkedEventContentSchema, parkedEventSchema, parkedGroupSchema } from './parked-event-views.ts';

const policy = ['operator', 'admin'] as const;
const idSchema = z.string().regex(/^[1-9]\d{0,17}$/, 'must be the id of a parked event');
const params = z.object({ id: idSchema });
const decided = { action: resolveParkedSchema.shape.action };

export const listParkedEventsContract = contract({
  method: 'get',
  path: '/operations/projections/parked',
  operationId: 'listParkedEvents',
  tag: 'operations',
  summary: 'Events that could not be applied to the views, by cause',
  description: 'Every group is on every page; a page holds at most `limit` events of them all.',
  policy,
  query: z.strictObject({
    cause: storedText(200).optional(),
    aggregateId: storedText(200).optional(),
    limit: limitSchema,
    cursor: cursorSchema(
      z.tuple([storedText(200), idSchema]).transform(([cause, id]) => ({ cause, id })),
    ).optional(),
  }),
  fromViews: true,
  cacheControl: 'no-store',
  answers: {
    200: {
      description: 'The groups, with the events of this page',
      body: z.object({ groups: z.array(parkedGroupSchema), nextCursor }),
    },
  },
});

export const showParkedEventContract = contract({
  method: 'get',
  path: '/operations/projections/parked/{id}',
  operationId: 'showParkedEvent',
  tag: 'operations',
  summary: 'One event that could not be applied, with how it differs from its schema',
  policy,
  params,
  fromViews: true,
  cacheControl: 'no-store',
  answers: { 200: { description: 'The event', body: parkedEventContentSchema } },
  refusals: ['NOT_PARKED'],
});

export const resolveParkedEventsContract = contract({
  method: 'post',
  path: '/operations/projections/parked/resolve',
  operationId: 'resolveParkedEvents',
  tag: 'operations',
  summary: 'Retry or discard all parked events of one cause, or of one order or product',
  description: 'The oldest first, at most `limit`.',
  policy,
  body: resolveParkedEventsSchema,
  answers: {
    200: {
      description: 'Decided; projectors carry it out within a second',
      body: z.object({
        ...decided,
        decided: z.int().nonnegative(),
        remaining: z.int().nonnegative().describe('Of the same, that still wait for a decision'),
      }),
    },
  },
  audited: { keeps: ['cause', 'aggregateId', 'action', 'reason', 'limit'] },
});

export const resolveParkedEventContract = contract({
  method: 'post',
  path: '/operations/projections/parked/{id}/resolve',
  operationId: 'resolveParkedEvent',
  tag: 'operations',
  summary: 'Retry or discard an event that could not be applied',
  description: 'What waits behind it follows by itself. One that was discarded counts as missing.',
  policy,
  params,
  body: resolveParkedSchema,
  answers: {
    200: {
      description: 'Decided; a projector carries it out within a second',
      body: z.object({ id: parkedEventSchema.shape.id, ...decided }),
    },
  },
  refusals: ['NOT_PARKED'],
  audited: { keeps: ['action', 'reason'] },
});

export const editParkedEventContract = contract({
  method: 'post',
  path: '/operations/projections/parked/{id}/edit',
  operationId: 'editParkedEvent',
  tag: 'operations',
  summary: 'Put another body in the place of a parked event’s',
  description:
    'It has to fit the schema, and to keep id, aggregate and version of the event. It is applied once the event is retried; the original stays.',
  policy,
  params,
  body: editParkedEventSchema,
  answers: {
    200: {
      description: 'Edited; it still waits for a decision',
      body: z.object({ id: parkedEventSchema.shape.id, isEdited: z.literal(true) }),
    },
  },
  refusals: ['NOT_PARKED'],
  // What is in an event may be personal data.
  audited: { keeps: ['reason'] },
});
