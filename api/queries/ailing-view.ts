import { z } from 'zod';
import { orderIdSchema } from '../../domain/ids.ts';
import { sagaHealthStates, taskFailureCauses } from '../../domain/saga-health.ts';
import type { AilingSaga } from '../../projections/queries/ailing-sagas.ts';
import { nextCursor } from './query-schemas.ts';
import { linkToWorkflow, type TemporalUi } from './temporal-ui.ts';

const ailingSagaSchema = z
  .object({
    workflowId: z.string(),
    orderId: orderIdSchema,
    saga: z.enum(['order', 'shipment']),
    step: z
      .string()
      .describe('As `progress` names it; `compensate` for a saga that compensates, `end` for one that ends'),
    since: z.iso
      .datetime()
      .describe('`slow`: when the step began; `failing`: when the workflow task failed for the first time'),
    ageSeconds: z.int().nonnegative().describe('Since then'),
    expectedSeconds: z.int().positive().optional().describe('`slow`: how long the step takes at most'),
    cause: z
      .enum(taskFailureCauses)
      .optional()
      .describe('`failing`: why; the log of the workers has the error'),
    attempts: z
      .int()
      .positive()
      .optional()
      .describe('`failing`: attempts of the failing workflow task, the running one included'),
    links: z.object({ order: z.string(), workflow: z.url() }),
  })
  .meta({ id: 'AilingSaga' });

export const ailingListBodySchema = z.object({
  state: z.enum(sagaHealthStates),
  items: z.array(ailingSagaSchema).describe('The oldest first'),
  examinedAt: z.iso
    .datetime()
    .optional()
    .describe('When a worker has last examined all sagas; absent before the first time'),
  nextCursor,
});

export const toAilingSagaView = (
  { expectedSeconds, cause, attempts, ...saga }: AilingSaga,
  ui: TemporalUi,
): z.output<typeof ailingSagaSchema> => ({
  ...saga,
  ...(expectedSeconds === null ? {} : { expectedSeconds }),
  ...(cause === null ? {} : { cause }),
  ...(attempts === null ? {} : { attempts }),
  links: { order: `/orders/${saga.orderId}`, workflow: linkToWorkflow(ui, saga.workflowId) },
});
