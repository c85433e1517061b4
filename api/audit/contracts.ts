import { z } from 'zod';
import { orderIdSchema } from '../../domain/ids.ts';
import { contract } from '../endpoints/contract.ts';
import { cursorSchema, limitSchema } from '../queries/query-schemas.ts';

const auditListSchema = z.strictObject({
  orderId: orderIdSchema.optional(),
  subject: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, 'must be 1 to 200 characters without control characters')
    .optional(),
  from: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })
    .transform((text) => new Date(text))
    .optional(),
  limit: limitSchema,
  cursor: cursorSchema(
    z.tuple([z.iso.datetime(), z.uuid()]).transform(([at, id]) => ({ at, id })),
  ).optional(),
});

export const listAuditContract = contract({
  method: 'get',
  path: '/operations/audit',
  operationId: 'listAudit',
  summary: 'Who asked for what, when, and what came of it; the newest first',
  policy: ['operator', 'admin'],
  query: auditListSchema,
});
