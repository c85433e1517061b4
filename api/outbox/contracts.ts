import { z } from 'zod';
import { resolveParkedSchema } from '../../domain/commands.ts';
import { contract } from '../endpoints/contract.ts';

const policy = ['operator', 'admin'] as const;
const parkedRow = z.object({
  seq: z.string().regex(/^[1-9]\d{0,17}$/, 'must be the number of an outbox row'),
});
const page = z.object({
  limit: z.coerce.number().int().min(1, 'must be at least 1').max(500, 'must be at most 500').default(100),
});

export const outboxStatusContract = contract({
  method: 'get',
  path: '/operations/outbox',
  operationId: 'outboxStatus',
  summary: 'How far the relays of the outbox are',
  policy,
});

export const listParkedContract = contract({
  method: 'get',
  path: '/operations/outbox/parked',
  operationId: 'listParked',
  summary: 'Outbox rows that cannot be published and wait for a decision',
  policy,
  query: page,
});

export const showParkedContract = contract({
  method: 'get',
  path: '/operations/outbox/parked/{seq}',
  operationId: 'showParked',
  summary: 'One outbox row that cannot be published, with its cause',
  policy,
  params: parkedRow,
});

export const resolveParkedContract = contract({
  method: 'post',
  path: '/operations/outbox/parked/{seq}/resolve',
  operationId: 'resolveParked',
  summary: 'Retry or discard an outbox row that cannot be published',
  policy,
  params: parkedRow,
  body: resolveParkedSchema,
  audited: { keeps: ['action', 'reason'] },
});
