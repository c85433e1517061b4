import { NewerEventError, parseEvent, type DomainEvent } from '../domain/events.ts';
import type { Topology } from '../domain/topology.ts';

/** A message that holds no event of its subject that this release can read. */
export class UnreadableMessageError extends Error {
  override readonly name = 'UnreadableMessageError';

  /** Whether a later release can read it: its type is known, and its version is newer. */
  get isNewer(): boolean {
    return this.cause instanceof NewerEventError;
  }
}

// A byte order mark is kept, so that JSON.parse refuses it: RFC 8259 does not allow one.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The JSON value of a body. Every reader of the stream's bodies parses them here, so that all of them take the same ones.
 * @throws TypeError for what is not UTF-8, SyntaxError for what is not JSON
 */
export const jsonOf = (body: Uint8Array | string): unknown =>
  JSON.parse(typeof body === 'string' ? body : utf8.decode(body));

interface StoredMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** What a message of the stream holds. */
interface Content {
  readonly event: DomainEvent;
  /** The JSON of the event as it was published, which may be of an earlier version. */
  readonly published: unknown;
}

/**
 * The event that a message of the stream holds. Every reader of the stream takes the same messages for events: JSON in
 * UTF-8 that fits the schema of a released type and version, under the subject that the event has. Others may publish
 * anything to the stream's subjects; such a message concerns its own order alone and never stops a reader.
 * @throws UnreadableMessageError naming the subject and what is wrong
 */
function contentIn(topology: Pick<Topology, 'subjectOf'>, { subject, data }: StoredMessage): Content {
  let content: Content;
  try {
    const published = jsonOf(data);
    content = { event: parseEvent(published), published };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be parsed';
    throw new UnreadableMessageError(`message of ${subject} cannot be read: ${why}`, { cause });
  }
  const { event } = content;
  if (topology.subjectOf(event) === subject) return content;
  throw new UnreadableMessageError(
    `message of ${subject} holds an ${event.type} of ${event.aggregateType} ${event.aggregateId}`,
  );
}

/** @throws UnreadableMessageError as `contentIn` */
export const eventIn = (topology: Pick<Topology, 'subjectOf'>, message: StoredMessage): DomainEvent =>
  contentIn(topology, message).event;

/** The same; undefined for a message that cannot be read. @param onUnreadable receives the reason */
export function contentOrNothing(
  topology: Pick<Topology, 'subjectOf'>,
  message: StoredMessage,
  onUnreadable: (error: UnreadableMessageError) => void = () => undefined,
): Content | undefined {
  try {
    return contentIn(topology, message);
  } catch (error) {
    if (!(error instanceof UnreadableMessageError)) throw error;
    onUnreadable(error);
    return undefined;
  }
}

export const eventOrNothing = (...given: Parameters<typeof contentOrNothing>): DomainEvent | undefined =>
  contentOrNothing(...given)?.event;
