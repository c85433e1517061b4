import { parseEvent, type DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import { jsonOf } from '../../messaging/event-message.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import { diagnose, jsonIn } from './diagnosis.ts';
import { failureOfDiagnosis, printableText, type Failure } from './failure.ts';

/** Whose events wait for each other: those of a message that names nobody only for itself. */
export interface ParkedAggregate {
  readonly type: 'order' | 'product' | 'message';
  readonly id: string;
}

/** What is to be applied, from the stream or from among what is parked. */
export interface Incoming {
  readonly aggregate: ParkedAggregate;
  /** Its event, or why there is none that this release can read. */
  readonly content: DomainEvent | Failure;
}

export const keyOf = ({ type, id }: ParkedAggregate): string => `${type} ${id}`;

export function aggregateOf(topology: Topology, { subject, streamSequence }: StreamMessage): ParkedAggregate {
  const named = topology.aggregateIn(subject);
  return named
    ? { type: named.type, id: printableText(named.id, 200) }
    : { type: 'message', id: String(streamSequence) };
}

/** @param aggregate whose event it should be */
export function contentOf(aggregate: ParkedAggregate, body: Uint8Array | string): Incoming['content'] {
  let event: DomainEvent;
  try {
    event = parseEvent(jsonOf(body));
  } catch (error) {
    const diagnosis = diagnose(body);
    // Whatever it is, it is the body that does it: nothing else was asked.
    return diagnosis
      ? failureOfDiagnosis(diagnosis)
      : { cause: 'event: cannot be read', detail: 'this release cannot read the event', error };
  }
  const { aggregateType, aggregateId } = event;
  if (aggregate.id === aggregateId && aggregate.type === (aggregateType === 'order' ? 'order' : 'product'))
    return event;
  // Its partition is another projector's.
  return {
    cause: 'subject: of another aggregate',
    detail: printableText(`the event is of ${aggregateType} ${aggregateId}`, 2_000),
  };
}

/** The same of a message of the stream, by the rule of `eventIn`: its subject has to be the one of the event. */
export function contentOfMessage(
  topology: Topology,
  aggregate: ParkedAggregate,
  { subject, data }: StreamMessage,
): Incoming['content'] {
  const content = contentOf(aggregate, data);
  if (isFailure(content) || topology.subjectOf(content) === subject) return content;
  return {
    cause: 'subject: of another type',
    detail: printableText(`the event is an ${content.type}`, 2_000),
  };
}

export const isFailure = (content: Incoming['content']): content is Failure => 'cause' in content;

/** What is told about an event beside its body, as far as that can be read. */
export interface Facts {
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly schemaVersion: number | null;
  readonly aggregateVersion: number | null;
}

/** @param id under which the message was published */
export function factsOf(body: Uint8Array | string, id: string | undefined): Facts {
  const json = jsonIn(body);
  const value: Readonly<Record<string, unknown>> =
    'value' in json && typeof json.value === 'object' && json.value !== null ? { ...json.value } : {};
  const text = (given: unknown): string | null =>
    typeof given === 'string' && given !== '' ? printableText(given, 200) : null;
  const count = (given: unknown): number | null =>
    typeof given === 'number' && Number.isSafeInteger(given) && given > 0 ? given : null;
  return {
    eventId: text(id ?? value['id']),
    eventType: text(value['type']),
    schemaVersion: count(value['schemaVersion']),
    aggregateVersion: count(value['aggregateVersion']),
  };
}
