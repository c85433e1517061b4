import { z } from 'zod';
import { FieldProblem } from '../field-problem.ts';
import { eventTypes, type PublishedEvent } from './event-table.ts';

const DAY_MS = 24 * 3_600_000;
const MOMENT = 'must be a UTC date such as 2026-01-31, or a time such as 2026-01-31T12:15:00Z';

/** `day` is how far a plain date reaches: 0 to its beginning, 1 to its end. */
const momentSchema = (day: 0 | 1) =>
  z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: MOMENT })
    .transform((text) => Date.parse(text) + (text.includes('T') ? 0 : day * DAY_MS));

export const eventsQuerySchema = z.strictObject({
  from: momentSchema(0).optional().describe('First UTC day, or moment, at which they happened'),
  to: momentSchema(1)
    .optional()
    .describe('Last UTC day, which is included, or the moment before which they did'),
  type: z.enum(eventTypes, { error: `must be one of ${eventTypes.join(', ')}` }).optional(),
});

/** Which events are asked for. @throws FieldProblem VALIDATION_FAILED for a time that ends before it begins */
export function eventFilter({
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
  type,
}: z.output<typeof eventsQuerySchema>): (event: PublishedEvent) => boolean {
  if (from >= to)
    throw new FieldProblem('VALIDATION_FAILED', [{ field: 'from', message: 'must be before to' }]);
  return (event) => {
    const at = Date.parse(event.occurredAt);
    return at >= from && at < to && (type === undefined || event.type === type);
  };
}
