import { z } from 'zod';
import type { ReleasedVersion } from './event-kinds.ts';
import { eventTypes } from './event-types.ts';

export type EventType = keyof typeof eventTypes;
type EventData<T extends EventType> = z.infer<(typeof eventTypes)[T]['data']>;

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
    readonly aggregateType: (typeof eventTypes)[K]['aggregateType'];
    readonly aggregateId: string;
    /** 1, 2, 3… per aggregate type and id; the stream has a gap where an operator discarded what could not be published. */
    readonly aggregateVersion: number;
    /** ISO 8601, UTC. */
    readonly occurredAt: string;
    readonly data: EventData<K>;
  };
}[T];

type OrderEventType = {
  [K in EventType]: (typeof eventTypes)[K]['aggregateType'] extends 'order' ? K : never;
}[EventType];
export const eventNames = Object.keys(eventTypes) as EventType[];
export const orderEventTypes = eventNames.filter(
  (type): type is OrderEventType => eventTypes[type].aggregateType === 'order',
);

export type OrderFact = Fact<OrderEventType>;
export type OrderEvent = DomainEvent<OrderEventType>;

/** Every version of every type that was ever released, by type; version 1 first. */
export const releasedVersions: ReadonlyMap<string, readonly ReleasedVersion[]> = new Map(
  Object.entries(eventTypes).map(([type, kind]) => [type, kind.versions(type)]),
);

/** How an event type in one version is called. */
export const versionName = (type: string, schemaVersion: number): string => `${type}.v${schemaVersion}`;

const presentVersionOf = (type: EventType): number => releasedVersions.get(type)?.length ?? 0;

/**
 * @returns the fact in its envelope, at the type's present schema version.
 * @throws Error for data that no reader could read, because what is in the stream stays there.
 */
export function toEvent<T extends EventType>(
  fact: Fact<T>,
  at: { id: string; aggregateId: string; aggregateVersion: number; occurredAt: Date },
  provenance: Provenance,
): DomainEvent<T> {
  const { aggregateType, data } = eventTypes[fact.type];
  const schemaVersion = presentVersionOf(fact.type);
  const { error } = data.safeParse(fact.data);
  if (error) {
    const name = versionName(fact.type, schemaVersion);
    throw new Error(`${name} of ${at.aggregateId} cannot be written: ${faultsIn(error)}`);
  }
  return {
    id: at.id,
    type: fact.type,
    schemaVersion,
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

/** An event that this release cannot read: its message names the event, its type and version, and what is wrong. */
export class UnreadableEventError extends Error {
  override readonly name: string = 'UnreadableEventError';
}

/** It has a version that a later release has published. */
export class NewerEventError extends UnreadableEventError {
  override readonly name = 'NewerEventError';
}

/** What must be known before it is known which schema an event has. */
const nameSchema = z.object({
  id: z.string().optional(),
  type: z.string(),
  schemaVersion: z.int().positive(),
});

/**
 * Reads a published event, of whatever released schema version, as its present version.
 * @throws UnreadableEventError for an unknown type, a version newer than this code (`NewerEventError`), data that does
 * not fit its version's schema, and fields that it does not have.
 */
export function parseEvent(json: unknown): DomainEvent {
  const named = nameSchema.safeParse(json);
  if (!named.success) throw new UnreadableEventError(`this is no event: ${faultsIn(named.error)}`);
  const { id = 'without an id', type, schemaVersion } = named.data;
  const name = `event ${id} (${versionName(type, schemaVersion)})`;
  const versions = releasedVersions.get(type);
  if (!versions) throw new UnreadableEventError(`${name} has a type that this release does not know`);
  const version = versions[schemaVersion - 1];
  if (!version) {
    throw new NewerEventError(
      `${name} is newer than this release, which reads ${type} up to v${versions.length}`,
    );
  }
  let event = fitting(version.event, json, name);
  const present = versions.at(-1);
  if (present && present !== version) {
    event = fitting(present.event, upcast(event, versions), `${name}, upcast to v${versions.length},`);
  }
  return event as DomainEvent;
}

type ReadEvent = z.output<ReleasedVersion['event']>;

/** @param event of an earlier version, as the schema of that version read it */
function upcast(event: ReadEvent, versions: readonly ReleasedVersion[]): unknown {
  let { data } = event;
  for (const version of versions.slice(event.schemaVersion - 1))
    if (version.upcast) data = version.upcast(data);
  return { ...event, schemaVersion: versions.length, data };
}

/** @throws UnreadableEventError naming each field that does not fit */
function fitting(schema: ReleasedVersion['event'], json: unknown, name: string): ReadEvent {
  const { data, error } = schema.safeParse(json);
  if (error) throw new UnreadableEventError(`${name} does not fit its schema: ${faultsIn(error)}`);
  return data;
}

const faultsIn = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message)).join('; ');
