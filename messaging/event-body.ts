import { parseEvent, type DomainEvent } from '../domain/events.ts';

/**
 * The event that a message of the stream holds.
 * @throws SyntaxError for what is no JSON, UnreadableEventError for what is no event that this release can read
 */
export const eventIn = (body: Uint8Array): DomainEvent =>
  parseEvent(JSON.parse(new TextDecoder().decode(body)));
