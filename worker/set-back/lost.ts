import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { knownPart, unknownMessages, type KnownPart } from '../../db/outbox/ahead.ts';
import type { StoredMessage } from '../../db/outbox/ports.ts';
import { EVENT_SOURCE, isPublishedBy } from '../../activities/outbox-relay/stream-publisher.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { OUTBOX_SHARDS, type Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { eventOrNothing } from '../../messaging/event-message.ts';
import { scanStream } from '../../messaging/stream-scan.ts';
import { streamState } from '../../messaging/stream.ts';

export interface Sources {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly onProgress: (what: string) => void;
}

/** A message that the database does not know. */
export interface LostEvent extends StoredMessage {
  readonly shard: number;
  /** JSON text. */
  readonly body: string;
  /** Undefined for one that this release cannot read. */
  readonly event: DomainEvent | undefined;
}

export interface Lost {
  /** Of the stream. */
  readonly created: string;
  /** The stream was compared up to here. */
  readonly comparedUpTo: number;
  /** In the stream's order, each event once. */
  readonly events: readonly LostEvent[];
  /** Sequences of all their messages: an event may have been published more than once. */
  readonly sequences: readonly number[];
  /** Ids of all messages behind the journals' ends, those that the database knows included. */
  readonly idsBehind: ReadonlySet<string>;
}

const location = { schema: OUTBOX_SCHEMA };
const SCAN_PAGE = 1_000;
/** The outbox is read once for so many messages. */
const LOOKED_UP_AT_ONCE = 20_000;

/**
 * Compares the stream with the outbox, for all shards. Keeps the lost events in memory.
 * @throws Error when there is no stream, or it cannot be read
 */
export async function findLost(sources: Sources): Promise<Lost> {
  const { messaging, topology } = sources;
  const state = await streamState(messaging.require(), topology.stream);
  if (!state) throw new Error(`there is no stream ${topology.stream}`);
  const found: LostEvent[] = [];
  const idsBehind = new Set<string>();
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++)
    found.push(...(await lostOf(sources, shard, state.created, idsBehind)));
  found.sort((a, b) => a.sequence - b.sequence);
  const events = new Map<string, LostEvent>();
  for (const one of found) if (!events.has(one.id)) events.set(one.id, one);
  return {
    created: state.created,
    comparedUpTo: state.lastSequence,
    events: [...events.values()],
    sequences: found.map(({ sequence }) => sequence),
    idsBehind,
  };
}

async function lostOf(
  { db, messaging, topology, onProgress }: Sources,
  shard: number,
  created: string,
  idsBehind: Set<string>,
): Promise<LostEvent[]> {
  const at = { ...location, shard };
  const known: KnownPart = await knownPart(db, at, created);
  const lost: LostEvent[] = [];
  let waiting: LostEvent[] = [];
  const lookUp = async (): Promise<void> => {
    lost.push(...(await unknownMessages(db, at, known, waiting)));
    waiting = [];
  };
  const scan = scanStream(messaging.require(), {
    stream: topology.stream,
    created,
    after: known.sequence,
    subjects: topology.subjectsOfShard(shard),
    pageSize: SCAN_PAGE,
  });
  for await (const messages of scan) {
    for (const message of messages) {
      const id = message.id();
      if (id === undefined || !isPublishedBy(EVENT_SOURCE, message)) continue;
      idsBehind.add(id);
      waiting.push({
        id,
        shard,
        sequence: message.streamSequence,
        storedAt: message.storedAt(),
        body: new TextDecoder().decode(message.data),
        // Undefined: listed by its sequence, as one that cannot be taken back.
        event: eventOrNothing(topology, message),
      });
    }
    onProgress(`compares the stream with the outbox: ${idsBehind.size} messages`);
    if (waiting.length >= LOOKED_UP_AT_ONCE) await lookUp();
  }
  await lookUp();
  return lost;
}
