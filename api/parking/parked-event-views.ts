import { z } from 'zod';
import { releasedVersions } from '../../domain/events.ts';
import { diagnose } from '../../projections/parking/diagnosis.ts';
import type {
  ParkedEvent,
  ParkedEventContent,
  ParkedGroup,
} from '../../projections/queries/parked-events.ts';

export const parkedEventSchema = z
  .object({
    id: z.string().regex(/^\d+$/).describe('By which it is decided about'),
    aggregateType: z
      .enum(['order', 'product', 'message'])
      .describe('What waits; a product with its stock; a message that names none of them, alone'),
    aggregateId: z.string(),
    eventId: z.string().nullable().describe('Null where the message does not tell, as below'),
    eventType: z.string().nullable(),
    schemaVersion: z.int().positive().nullable(),
    aggregateVersion: z.int().positive().nullable(),
    streamSequence: z.int().positive(),
    cause: z.string(),
    detail: z.string(),
    attempts: z.int().positive(),
    parkedAt: z.iso.datetime(),
    waiting: z.int().nonnegative().describe('Later events of the same that wait behind it'),
    isEdited: z.boolean(),
  })
  .meta({ id: 'ParkedEvent' });

export const parkedGroupSchema = z
  .object({
    cause: z.string(),
    count: z.int().positive(),
    oldestParkedAt: z.iso.datetime(),
    events: z.array(parkedEventSchema).describe('Those of this page, the oldest first'),
  })
  .meta({ id: 'ParkedGroup' });

export const parkedEventContentSchema = parkedEventSchema
  .extend({
    subject: z.string(),
    body: z.string().describe('As received; bytes that are no UTF-8 are replaced'),
    edited: z
      .object({ body: z.string(), by: z.string(), reason: z.string(), at: z.iso.datetime() })
      .optional()
      .describe('What is applied in its place'),
    schema: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('JSON Schema of the event in its version; null where this release has none'),
    differences: z
      .array(
        z.object({
          field: z.string().describe('Path in the event; empty for the whole of it'),
          problem: z.enum(['missing', 'extra', 'type', 'value']),
          message: z.string(),
        }),
      )
      .describe('Between the schema and what would be applied; none where its content is what fails'),
  })
  .meta({ id: 'ParkedEventContent' });

const toParkedEventView = ({ parkedAt, ...event }: ParkedEvent): z.output<typeof parkedEventSchema> => ({
  ...event,
  parkedAt: parkedAt.toISOString(),
});

export const toParkedGroupView = ({
  oldestParkedAt,
  events,
  ...group
}: ParkedGroup): z.output<typeof parkedGroupSchema> => ({
  ...group,
  oldestParkedAt: oldestParkedAt.toISOString(),
  events: events.map(toParkedEventView),
});

export function toParkedEventContentView({
  body,
  edited,
  subject,
  ...event
}: ParkedEventContent): z.output<typeof parkedEventContentSchema> {
  const schema = releasedVersions.get(event.eventType ?? '')?.[(event.schemaVersion ?? 0) - 1]?.event;
  return {
    ...toParkedEventView(event),
    subject,
    body: new TextDecoder().decode(body),
    ...(edited ? { edited: { ...edited, at: edited.at.toISOString() } } : {}),
    schema: schema ? z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) : null,
    differences: [...(diagnose(edited?.body ?? body)?.differences ?? [])],
  };
}
