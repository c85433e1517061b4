import { z } from 'zod';
import { resolveParkedSchema, retryParkedRowsSchema } from '../../domain/commands.ts';
import { contract } from '../endpoints/contract.ts';
import {
  outboxStatusSchema,
  parkedCauseSchema,
  parkedRowContentSchema,
  parkedRowSchema,
} from './outbox-views.ts';

const policy = ['operator', 'admin'] as const;
const parkedRow = z.object({
  seq: z.string().regex(/^[1-9]\d{0,17}$/, 'must be the number of an outbox row'),
});
const page = z.strictObject({
  limit: z.coerce
    .number('must be a whole number from 1 to 500')
    .int('must be a whole number from 1 to 500')
    .min(1, 'must be at least 1')
    .max(500, 'must be at most 500')
    .default(100),
});

export const outboxStatusContract = contract({
  method: 'get',
  path: '/operations/outbox',
  operationId: 'outboxStatus',
  tag: 'operations',
  summary: 'How far the relays of the outbox are',
  policy,
  cacheControl: 'no-store',
  answers: { 200: { description: 'Each shard as it is now', body: outboxStatusSchema } },
});

export const listParkedContract = contract({
  method: 'get',
  path: '/operations/outbox/parked',
  operationId: 'listParked',
  tag: 'operations',
  summary: 'Outbox rows that cannot be published and wait for a decision',
  policy,
  query: page,
  cacheControl: 'no-store',
  answers: {
    200: {
      description: 'The oldest first, and how many there are of each cause',
      body: z.object({
        parked: z.array(parkedRowSchema),
        causes: z.array(parkedCauseSchema),
        setAside: z
          .array(parkedRowSchema)
          .describe('Refused by the stream and tried again by the relays: no decision is needed yet'),
      }),
    },
  },
});

export const showParkedContract = contract({
  method: 'get',
  path: '/operations/outbox/parked/{seq}',
  operationId: 'showParked',
  tag: 'operations',
  summary: 'One outbox row that cannot be published, with its cause',
  policy,
  params: parkedRow,
  cacheControl: 'no-store',
  answers: { 200: { description: 'The row and what is in it', body: parkedRowContentSchema } },
  refusals: ['NOT_PARKED'],
});

export const resolveParkedContract = contract({
  method: 'post',
  path: '/operations/outbox/parked/{seq}/resolve',
  operationId: 'resolveParked',
  tag: 'operations',
  summary: 'Retry or discard an outbox row that cannot be published',
  policy,
  params: parkedRow,
  body: resolveParkedSchema,
  answers: {
    200: {
      description: 'Decided; what waits behind the row follows by itself',
      body: z.object({ seq: parkedRow.shape.seq, action: resolveParkedSchema.shape.action }),
    },
  },
  refusals: ['NOT_PARKED'],
  audited: { keeps: ['action', 'reason'] },
});

export const retryParkedRowsContract = contract({
  method: 'post',
  path: '/operations/outbox/parked/resolve',
  operationId: 'retryParkedRows',
  tag: 'operations',
  summary: 'Retry all outbox rows of one cause',
  description: 'The oldest first, at most `limit`. What is refused again is parked again.',
  policy,
  body: retryParkedRowsSchema,
  answers: {
    200: {
      description: 'Decided; the relays try them within a second, and what waits behind them follows',
      body: z.object({
        action: retryParkedRowsSchema.shape.action,
        decided: z.int().nonnegative(),
        remaining: z.int().nonnegative().describe('Of the same cause, that still wait for a decision'),
      }),
    },
  },
  audited: { keeps: ['cause', 'action', 'reason', 'limit'] },
});
