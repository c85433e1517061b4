import { z } from 'zod';
import { stuckNames } from '../../domain/desk.ts';
import { customerIdSchema } from '../../domain/ids.ts';
import { orderStatuses } from '../../domain/order.ts';
import { sagaHealthStates } from '../../domain/saga-health.ts';
import { PRINTABLE } from '../../domain/text.ts';
import type { AilingCursor } from '../../projections/queries/ailing-sagas.ts';
import type { OrderCursor } from '../../projections/queries/orders.ts';
import type { StuckCursor } from '../../projections/queries/stuck-sagas.ts';

/** Opaque to callers: where a page ended. */
export const encode = (...content: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(content)).toString('base64url');

export const encodeCursor = ({ placedAt, orderId }: OrderCursor): string => encode(placedAt, orderId);
export const encodeStuckCursor = ({ cause, since, workflowId }: StuckCursor): string =>
  encode(cause, since, workflowId);
export const encodeAilingCursor = ({ since, workflowId }: AilingCursor): string => encode(since, workflowId);

const NOT_OF_THIS_LIST = 'is not a cursor of this list; take nextCursor of the page before';

/** Reads what `encode` wrote. */
export const cursorSchema = <T extends z.ZodType>(
  content: T,
): z.ZodPipe<z.ZodString, z.ZodTransform<z.output<T>, string>> =>
  z.string().transform((text, context): z.output<T> => {
    try {
      return content.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    } catch {
      context.addIssue({
        code: 'custom',
        message: NOT_OF_THIS_LIST,
      });
      return z.NEVER;
    }
  });

/**
 * A time in a cursor, which goes into SQL as it is: PostgreSQL knows no year 0 and no time of more than 128 characters.
 */
export const cursorTimeSchema = z.iso
  .datetime()
  .max(30)
  .refine((text) => text >= '0001');

export const limitSchema = z.coerce
  .number('must be a whole number from 1 to 200')
  .int('must be a whole number from 1 to 200')
  .min(1, 'must be at least 1')
  .max(200, 'must be at most 200')
  .default(50);

/** Of an answer. */
export const nextCursor = z.string().optional().describe('For `cursor`; absent on the last page');

export const orderListSchema = z.strictObject({
  status: z.enum(orderStatuses, { error: `must be one of ${orderStatuses.join(', ')}` }).optional(),
  customerId: customerIdSchema.optional(),
  limit: limitSchema,
  cursor: cursorSchema(
    z.tuple([cursorTimeSchema, z.uuid()]).transform(([placedAt, orderId]) => ({ placedAt, orderId })),
  ).optional(),
});

/** Undo step and code; PostgreSQL knows no text with a zero byte. */
const causeSchema = z
  .string()
  .regex(
    new RegExp(`^(${stuckNames.join('|')}): ${PRINTABLE}+$`, 'u'),
    'must be the cause of a group, such as refundPayment: PAYMENT_UNAVAILABLE',
  );
const workflowIdSchema = z.string().regex(/^(order|shipment)-[0-9a-f-]{36}$/);

const cursorOfStuck = z
  .tuple([causeSchema, cursorTimeSchema, workflowIdSchema])
  .transform(([cause, since, workflowId]) => ({ cause, since, workflowId }));
const cursorOfAiling = z
  .tuple([cursorTimeSchema, workflowIdSchema])
  .transform(([since, workflowId]) => ({ since, workflowId }));

const sagaStates = ['stuck', ...sagaHealthStates] as const;

export const sagaListSchema = z
  .strictObject({
    state: z.enum(sagaStates, { error: `must be one of ${sagaStates.join(', ')}` }),
    cause: causeSchema.optional().describe('Of stuck sagas'),
    limit: limitSchema,
    cursor: cursorSchema(z.union([cursorOfStuck, cursorOfAiling])).optional(),
  })
  .superRefine(({ state, cause, cursor }, context) => {
    if (state !== 'stuck' && cause !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['cause'],
        message: 'can be given with state=stuck only; remove it',
      });
    if (cursor !== undefined && 'cause' in cursor !== (state === 'stuck'))
      context.addIssue({ code: 'custom', path: ['cursor'], message: NOT_OF_THIS_LIST });
  });
