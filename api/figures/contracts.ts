import { z } from 'zod';
import { skuSchema } from '../../domain/ids.ts';
import { contract } from '../endpoints/contract.ts';
import { cursorSchema, limitSchema, nextCursor } from '../queries/query-schemas.ts';
import { figuresQuerySchema } from './figures-period.ts';

const operators = ['operator', 'admin'] as const;
const count = z.int().nonnegative();

const inventoryLevelSchema = z
  .object({
    sku: skuSchema,
    name: z.string().nullable().describe('Null while it is counted and not listed'),
    onHand: count.describe('Pieces on the shelf'),
    reserved: count.describe('Of those, what orders have taken that are not shipped yet'),
    available: count.describe('What the next order can still take'),
  })
  .meta({ id: 'InventoryLevel' });

export const inventoryContract = contract({
  method: 'get',
  path: '/operations/inventory',
  operationId: 'inventory',
  tag: 'operations',
  summary: 'What is on the shelf, reserved and available of each product',
  policy: operators,
  query: z.strictObject({
    below: z.coerce
      .number('must be a whole number, such as 10')
      .int('must be a whole number, such as 10')
      .min(1, 'must be at least 1')
      .max(2_147_483_647, 'must be at most 2147483647')
      .optional()
      .describe('Only products of which fewer pieces are available'),
    limit: limitSchema,
    cursor: cursorSchema(z.tuple([skuSchema]).transform(([sku]) => sku)).optional(),
  }),
  fromViews: true,
  answers: {
    200: {
      description: 'Products whose stock was counted, by SKU',
      body: z.object({ items: z.array(inventoryLevelSchema), nextCursor }),
    },
  },
});

const duration = z.int().nonnegative().nullable();
const timing = { p50Ms: duration, p95Ms: duration, p99Ms: duration };
const figures = {
  orderSagas: z.object({
    started: count,
    completed: count,
    cancelled: count,
    errorRate: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .describe(
        'Share, of those that ended, of what was cancelled by a fault and not by a request or a refusal; null when none ended',
      ),
  }),
  shipmentSagas: z.object({ started: count, delivered: count, refunded: count }),
  causes: z
    .array(z.object({ cause: z.string(), cancelled: count, refunded: count }))
    .describe('Why orders were cancelled or refunded'),
  completion: z
    .object(timing)
    .describe(
      'From an order’s acceptance to its completion; off by less than a tenth; null when none completed',
    ),
  stuck: z
    .array(z.object({ cause: z.string(), stuck: count, resolved: count, ...timing }))
    .describe('Sagas that began, or ceased, to wait for an operator; how long those had waited that ceased'),
};
const operationsFiguresSchema = z.object(figures).meta({ id: 'OperationsFigures' });

export const operationsFiguresContract = contract({
  method: 'get',
  path: '/operations/figures',
  operationId: 'operationsFigures',
  tag: 'operations',
  summary: 'How sagas fare: begun, ended, cancelled for what cause, how fast, and stuck for how long',
  description:
    'Each event counts when it happened. Without dates: the last 24 hours by quarter of an hour, or 31 days by day. By quarter at most 3 days, by day at most 366.',
  policy: operators,
  query: figuresQuerySchema,
  fromViews: true,
  answers: {
    200: {
      description:
        'All of the period, and by quarter of an hour, or UTC day, those in which something happened',
      body: z.object({
        from: z.iso.datetime(),
        to: z.iso.datetime(),
        total: operationsFiguresSchema,
        items: z.array(
          z.object({ from: z.iso.datetime(), ...figures }).meta({ id: 'OperationsFiguresOfTime' }),
        ),
      }),
    },
  },
});
