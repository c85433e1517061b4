import { z } from 'zod';
import { paymentMethodSchema } from './commands.ts';
import { customerIdSchema, orderIdSchema, skuSchema } from './ids.ts';
import { currencySchema, minorUnitsSchema } from './money.ts';
import { deskDecisions, stuckNames } from './desk.ts';

const quantitySchema = z.int().positive();
const lineQuantitySchema = z.object({ sku: skuSchema, quantity: quantitySchema });
const pricedLineSchema = lineQuantitySchema.extend({ unitPriceMinor: minorUnitsSchema });

/**
 * The data of each event type at its present version. A changed shape is a new version with an upcaster from
 * the old one; a published shape never changes.
 */
const current = {
  OrderCreated: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      customerId: customerIdSchema,
      lines: z.array(pricedLineSchema),
      totalMinor: minorUnitsSchema,
      currency: currencySchema,
      paymentMethod: paymentMethodSchema,
    }),
  },
  InventoryReserved: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ lines: z.array(lineQuantitySchema) }),
  },
  PaymentCharged: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      amountMinor: minorUnitsSchema,
      currency: currencySchema,
      providerReference: z.string(),
    }),
  },
  OrderCompleted: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      totalMinor: minorUnitsSchema,
      currency: currencySchema,
      lines: z.array(lineQuantitySchema),
    }),
  },
  PaymentRefunded: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ amountMinor: minorUnitsSchema, currency: currencySchema }),
  },
  InventoryReleased: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ lines: z.array(lineQuantitySchema) }),
  },
  OrderCancelled: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ reason: z.string(), detail: z.string() }),
  },
  ShipmentBooked: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ carrier: z.string(), trackingNumber: z.string() }),
  },
  ShipmentDispatched: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ lines: z.array(lineQuantitySchema) }),
  },
  ShipmentDelivered: {
    version: 1,
    aggregateType: 'order',
    data: z.object({}),
  },
  /** From here on the order is undone: a refund, a release if the goods are still there, then `OrderRefunded`. */
  ShipmentFailed: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ reason: z.string(), detail: z.string() }),
  },
  OrderRefunded: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      totalMinor: minorUnitsSchema,
      currency: currencySchema,
      reason: z.string(),
      detail: z.string(),
    }),
  },
  /** The order is dearer than the limit: the saga waits for a person. */
  ApprovalRequested: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ amountMinor: minorUnitsSchema, currency: currencySchema, limitMinor: minorUnitsSchema }),
  },
  OrderApproved: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ operator: z.string(), reason: z.string() }),
  },
  /** The saga undoes what little it did, and the order is cancelled. */
  OrderRejected: {
    version: 1,
    aggregateType: 'order',
    data: z.object({ operator: z.string(), reason: z.string() }),
  },
  /** An undo step has failed for good: the saga waits for an operator. */
  OrderStuck: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      workflowId: z.string(),
      undo: z.enum(stuckNames),
      /** Of the last failure. */
      code: z.string(),
      detail: z.string(),
      attempts: z.int().positive(),
      /** 1 for the first time that this saga is stuck. */
      occurrence: z.int().positive(),
    }),
  },
  /** An operator wants to let it be: the saga waits for a second one. Void once anything else is decided. */
  WaiverRequested: {
    version: 1,
    aggregateType: 'order',
    data: z.object({
      workflowId: z.string(),
      undo: z.enum(stuckNames),
      occurrence: z.int().positive(),
      operator: z.string(),
      reason: z.string(),
    }),
  },
  /** An operator has decided how it goes on. */
  StuckResolved: {
    version: 2,
    aggregateType: 'order',
    data: z.object({
      workflowId: z.string(),
      undo: z.enum(stuckNames),
      occurrence: z.int().positive(),
      decision: z.enum(deskDecisions),
      operator: z.string(),
      reason: z.string(),
      /** Whose request to waive the operator approved; null for the other decisions. */
      waiver: z.object({ requestedBy: z.string(), reason: z.string() }).nullable(),
    }),
  },
  ProductListed: {
    version: 1,
    aggregateType: 'product',
    data: z.object({ name: z.string(), priceMinor: minorUnitsSchema, currency: currencySchema }),
  },
  StockChanged: {
    version: 1,
    aggregateType: 'stock',
    data: z.object({
      onHand: z.int().nonnegative(),
      reserved: z.int().nonnegative(),
      /** onHand − reserved: what the next order can still take. */
      available: z.int().nonnegative(),
    }),
  },
} as const;

export type EventType = keyof typeof current;
type EventData<T extends EventType> = z.infer<(typeof current)[T]['data']>;

/** An event before it has an envelope: what `decide` returns. */
export type Fact<T extends EventType = EventType> = { [K in T]: { type: K; data: EventData<K> } }[T];

/** What stays the same from the request to the last event that it caused. */
export interface Provenance {
  /** Groups everything that one request led to. */
  readonly correlationId: string;
  /** Id of the command or event that made this one happen. */
  readonly causationId: string;
  /** W3C trace context of the request. */
  readonly traceparent: string;
}

export type DomainEvent<T extends EventType = EventType> = {
  [K in T]: Provenance & {
    /** UUIDv7; also the JetStream message id. */
    readonly id: string;
    readonly type: K;
    readonly schemaVersion: number;
    readonly aggregateType: (typeof current)[K]['aggregateType'];
    readonly aggregateId: string;
    /** 1, 2, 3… per aggregate type and id; the stream has a gap where an operator discarded what could not be published. */
    readonly aggregateVersion: number;
    /** ISO 8601, UTC. */
    readonly occurredAt: string;
    readonly data: EventData<K>;
  };
}[T];

type OrderEventType = {
  [K in EventType]: (typeof current)[K]['aggregateType'] extends 'order' ? K : never;
}[EventType];
export const eventTypes = Object.keys(current) as EventType[];
export const orderEventTypes = eventTypes.filter(
  (type): type is OrderEventType => current[type].aggregateType === 'order',
);
export type OrderFact = Fact<OrderEventType>;
export type OrderEvent = DomainEvent<OrderEventType>;

type Upcaster = (data: unknown) => unknown;
/** `Type.vN` → turns data of version N into version N + 1. */
const upcasters: Readonly<Record<string, Upcaster>> = {
  // One operator was enough to waive.
  'StuckResolved.v1': (data) => ({ ...(data as object), waiver: null }),
};

const envelopeSchema = z.object({
  id: z.uuid(),
  type: z.string(),
  schemaVersion: z.int().positive(),
  aggregateType: z.enum(['order', 'product', 'stock']),
  aggregateId: z.union([orderIdSchema, skuSchema]),
  aggregateVersion: z.int().positive(),
  occurredAt: z.iso.datetime(),
  correlationId: z.string(),
  causationId: z.string(),
  traceparent: z.string(),
  data: z.unknown(),
});

const isEventType = (type: string): type is EventType => Object.hasOwn(current, type);

/** @returns the fact in its envelope, at the type's present schema version. */
export function toEvent<T extends EventType>(
  fact: Fact<T>,
  at: { id: string; aggregateId: string; aggregateVersion: number; occurredAt: Date },
  provenance: Provenance,
): DomainEvent<T> {
  const { version, aggregateType } = current[fact.type];
  return {
    id: at.id,
    type: fact.type,
    schemaVersion: version,
    aggregateType,
    aggregateId: at.aggregateId,
    aggregateVersion: at.aggregateVersion,
    occurredAt: at.occurredAt.toISOString(),
    correlationId: provenance.correlationId,
    causationId: provenance.causationId,
    traceparent: provenance.traceparent,
    data: fact.data,
  };
}

/**
 * Reads a published event, of whatever released schema version, as its present version.
 * @throws Error for an unknown type, a version newer than this code, or data that does not fit the schema.
 */
export function parseEvent(json: unknown): DomainEvent {
  const { data, ...envelope } = envelopeSchema.parse(json);
  if (!isEventType(envelope.type)) {
    throw new Error(`event ${envelope.id} has the unknown type ${envelope.type}`);
  }
  const { version, data: dataSchema } = current[envelope.type];
  if (envelope.schemaVersion > version) {
    throw new Error(
      `event ${envelope.id} is ${envelope.type}.v${envelope.schemaVersion}, this release reads up to v${version}`,
    );
  }
  let upcast = data;
  for (let from = envelope.schemaVersion; from < version; from++) {
    const upcaster = upcasters[`${envelope.type}.v${from}`];
    if (!upcaster) throw new Error(`no upcaster for ${envelope.type}.v${from}`);
    upcast = upcaster(upcast);
  }
  return { ...envelope, schemaVersion: version, data: dataSchema.parse(upcast) } as DomainEvent;
}
