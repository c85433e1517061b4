import { z } from 'zod';
import { stuckNames } from '../../domain/desk.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import { currencySchema, minorUnitsSchema } from '../../domain/money.ts';
import type { StuckGroup } from '../../projections/queries/stuck-sagas.ts';
import { waiverSchema } from './order-view.ts';
import { linkToWorkflow, type TemporalUi } from './temporal-ui.ts';

const stuckSagaViewSchema = z.object({
  workflowId: z.string(),
  orderId: orderIdSchema,
  saga: z.enum(['order', 'shipment']),
  detail: z.string().describe('Of the last failure'),
  attempts: z.int().nonnegative(),
  occurrence: z.int().positive().describe('1 for the first time that this saga is stuck'),
  since: z.iso.datetime(),
  waiver: waiverSchema,
  total: minorUnitsSchema.describe('Of the order, in minor units of `currency`'),
  currency: currencySchema,
  links: z.object({ order: z.string(), workflow: z.url() }),
});
type StuckSagaView = z.output<typeof stuckSagaViewSchema>;

export const stuckGroupViewSchema = z
  .object({
    cause: z.string().describe('Undo step and code'),
    undo: z.enum(stuckNames),
    code: z.string(),
    count: z.int().positive().describe('Of all sagas in the group, on this page or not'),
    oldestSince: z.iso.datetime(),
    sagas: z.array(stuckSagaViewSchema).describe('Those of this page, the one that waits longest first'),
  })
  .meta({ id: 'StuckGroup' });
type StuckGroupView = z.output<typeof stuckGroupViewSchema>;

/** A group of `GET /operations/sagas`. Undo step and code are the group's; amounts are in minor units of `currency`. */
export const toStuckGroupView = ({ sagas, ...group }: StuckGroup, ui: TemporalUi): StuckGroupView => ({
  ...group,
  sagas: sagas.map((saga) => toStuckSagaView(saga, ui)),
});

function toStuckSagaView(
  { cause: _cause, undo: _undo, code: _code, totalMinor, waiver, ...saga }: StuckGroup['sagas'][number],
  ui: TemporalUi,
): StuckSagaView {
  return {
    ...saga,
    ...(waiver === null ? {} : { waiver }),
    total: totalMinor,
    links: { order: `/orders/${saga.orderId}`, workflow: linkToWorkflow(ui, saga.workflowId) },
  };
}
