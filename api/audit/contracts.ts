import { z } from 'zod';
import { orderIdSchema } from '../../domain/ids.ts';
import { PRINTABLE } from '../../domain/text.ts';
import { contract } from '../endpoints/contract.ts';
import { cursorSchema, cursorTimeSchema, limitSchema, nextCursor } from '../queries/query-schemas.ts';

const auditListSchema = z.strictObject({
  orderId: orderIdSchema.optional(),
  subject: z
    .string()
    .regex(new RegExp(`^${PRINTABLE}{1,200}$`, 'u'), 'must be 1 to 200 characters without control characters')
    .optional(),
  from: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })
    // PostgreSQL and JavaScript do not agree on what the first years are called.
    .refine((text) => text >= '1970', 'must be of the years 1970 to 9999')
    .transform((text) => new Date(text))
    .optional(),
  limit: limitSchema,
  cursor: cursorSchema(
    z.tuple([cursorTimeSchema, z.uuid()]).transform(([at, id]) => ({ at, id })),
  ).optional(),
});

const auditEntrySchema = z.object({
  id: z.uuid().describe('Of the command or the event'),
  at: z.iso.datetime(),
  action: z.string().describe('The operation, or the type of the event'),
  subject: z.string().nullable().describe('Who asked; null: the system by itself'),
  orderId: orderIdSchema.nullable(),
  traceId: z.string().nullable(),
  details: z
    .record(z.string(), z.unknown())
    .describe('What was asked for; of what came of a command: its `commandId` and the `outcome`'),
});

export const listAuditContract = contract({
  method: 'get',
  path: '/operations/audit',
  operationId: 'listAudit',
  tag: 'operations',
  summary: 'Who asked for what, when, and what came of it; the newest first',
  policy: ['operator', 'admin'],
  query: auditListSchema,
  cacheControl: 'no-store',
  answers: {
    200: {
      description: 'A page of entries',
      body: z.object({ items: z.array(auditEntrySchema), nextCursor }),
    },
  },
});
