import { z } from 'zod';
import type { StreamState } from '../../messaging/stream.ts';

/** Of one order: a version, which stays what it is in every stream that ever holds the event. */
export const orderEventIdSchema = z
  .string()
  .regex(/^\d{1,16}$/, 'must be the id of an event of this order: a whole number, 0 for before the first');
/** Of all events: the stream, by its time of creation, and the sequence in it. */
export const streamEventIdSchema = z
  .string()
  .regex(/^[0-9TZ:.+-]{20,40}\/\d{1,15}$/, 'must be the id of an event that was sent here');

interface Start {
  /** Sequence behind which to begin. */
  readonly after: number;
  /** The reader knows another stream than the one that there is. */
  readonly isReset: boolean;
}

/**
 * Where a reader of the whole stream begins.
 * @param lastEventId `<created>/<sequence>` of the last event that they have
 */
export function startOf(
  { created, lastSequence }: StreamState,
  lastEventId: string | undefined,
  from: 'now' | 'start',
): Start {
  if (lastEventId === undefined) return { after: from === 'now' ? lastSequence : 0, isReset: false };
  const [stream, sequence] = lastEventId.split('/');
  const after = Number(sequence);
  // A stream that was restored from a backup ends before what was sent of it.
  return stream === created && after <= lastSequence
    ? { after, isReset: false }
    : { after: 0, isReset: true };
}
