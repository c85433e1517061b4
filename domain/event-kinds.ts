import { z } from 'zod';
import { orderIdSchema, skuSchema } from './ids.ts';

/** Which ids each kind of aggregate has. */
const aggregateIds = { order: orderIdSchema, product: skuSchema, stock: skuSchema };
export type AggregateType = keyof typeof aggregateIds;

/**
 * What every event has, whatever its type. It has no version of its own: a new field has to be one that is read
 * everywhere before it is written anywhere.
 */
export const envelopeSchema = z.strictObject({
  id: z.uuid().describe('A UUIDv7; also the id of the message, so that repeats are recognised'),
  type: z.string().describe('What happened'),
  schemaVersion: z.int().positive().describe('Version of the shape of `data`, counted per type from 1'),
  aggregateType: z.enum(['order', 'product', 'stock']),
  aggregateId: z.union([orderIdSchema, skuSchema]).describe('Id of the order, or SKU of the product'),
  aggregateVersion: z
    .int()
    .positive()
    .describe('1, 2, 3… per aggregate type and id; a gap is an event that an operator discarded'),
  occurredAt: z.iso.datetime().describe('UTC'),
  correlationId: z.string().describe('Groups everything that one request led to'),
  causationId: z.string().describe('Id of the command or event that made this one happen'),
  traceparent: z.string().describe('W3C trace context of the request'),
  data: z.unknown(),
});

/** One version of an event type that was ever released. */
export interface ReleasedVersion {
  readonly data: z.ZodType;
  /** Of the whole event: envelope and data in one. */
  readonly event: z.ZodType<z.output<typeof envelopeSchema>>;
  /** Takes data of this version, as its schema read it, to the next version; undefined for the present one. */
  readonly upcast: ((data: unknown) => unknown) | undefined;
}

/** An event type with every version of it. */
export interface EventKind<Aggregate extends AggregateType, Data extends z.ZodType> {
  readonly aggregateType: Aggregate;
  /** Of the present version, in which new events are written. */
  readonly data: Data;
  /** Version 1 first, the present one last. */
  versions(type: string): readonly ReleasedVersion[];
  /** The next version. @param upcast an event of the version before, told in the new shape */
  changed<Next extends z.ZodType>(
    data: Next,
    upcast: (before: z.output<Data>) => z.input<Next>,
  ): EventKind<Aggregate, Next>;
}

/** A new event type, at version 1. */
export const released = <Aggregate extends AggregateType, Data extends z.ZodType>(
  aggregateType: Aggregate,
  data: Data,
): EventKind<Aggregate, Data> => kindOf(aggregateType, data, []);

type Earlier = Pick<ReleasedVersion, 'data' | 'upcast'>;

function kindOf<Aggregate extends AggregateType, Data extends z.ZodType>(
  aggregateType: Aggregate,
  data: Data,
  earlier: readonly Earlier[],
): EventKind<Aggregate, Data> {
  return {
    aggregateType,
    data,
    versions: (type) =>
      [...earlier, { data, upcast: undefined }].map((version, index) => ({
        ...version,
        event: eventSchema(type, index + 1, aggregateType, version.data),
      })),
    changed: (next, upcast) =>
      kindOf(aggregateType, next, [
        ...earlier,
        { data, upcast: (before) => upcast(before as z.output<Data>) },
      ]),
  };
}

const eventSchema = (
  type: string,
  schemaVersion: number,
  aggregateType: AggregateType,
  data: z.ZodType,
): ReleasedVersion['event'] =>
  envelopeSchema.extend({
    type: z.literal(type),
    schemaVersion: z.literal(schemaVersion),
    aggregateType: z.literal(aggregateType),
    aggregateId: aggregateIds[aggregateType],
    data,
  });
