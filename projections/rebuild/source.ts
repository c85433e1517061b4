import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { droppedBefore, readPublished } from '../../db/outbox/index.ts';
import { parseEvent, type DomainEvent } from '../../domain/events.ts';
import { OUTBOX_SHARDS, type Topology } from '../../domain/topology.ts';
import type { NatsConnection } from '../../messaging/connection.ts';
import { streamState } from '../../messaging/stream.ts';
import type { Candidate } from './parked.ts';
import { allAt, type Positions, type Sequences } from './positions.ts';
import type { StreamSource } from './stream-source.ts';

/** Where the events of a rebuild come from. */
export interface Source {
  /** Absent while there is no stream, of which nothing can have been applied. */
  readonly stream: StreamSource | undefined;
  /** Everything in the stream lies behind this. */
  readonly begin: Sequences;
  /** What was published to the stream and is no longer in it; undefined when the stream holds all there ever was. */
  readonly outbox: AsyncIterable<readonly Candidate[]> | undefined;
  /** Why events may be in neither, for people; undefined when none is missing. */
  readonly incomplete: string | undefined;
}

const location = { schema: OUTBOX_SCHEMA };

/**
 * Chooses the stream when it holds the beginning. Else the rows that the outbox still has of what was published before
 * the stream's first message, and then the stream from there on. Events of one order are in order in both and are
 * recognised by their version, so those at the seam, which are in both, count once.
 * @param write where the outbox is
 * @throws Error when the live tables were not made from this stream
 */
export async function chooseSource(
  write: Knex,
  connection: NatsConnection,
  topology: Topology,
  live: Positions,
  pageSize: number,
): Promise<Source> {
  const state = await streamState(connection, topology.stream);
  if (!state) {
    if (live.created === null)
      return { stream: undefined, begin: allAt(0), outbox: undefined, incomplete: undefined };
    throw new Error(
      `there is no stream ${topology.stream}, from which the live tables were made; the worker makes it again`,
    );
  }
  const { created, firstSequence } = state;
  if (live.created !== null && live.created !== created)
    throw new Error(
      `stream ${topology.stream} was created anew at ${created}, and the live tables are not applied from it yet; let a projector run until they are, and try again`,
    );
  const stream = { connection, topology, created };
  const begin = allAt(firstSequence - 1);
  // Dropped before there was this stream: the relay could not publish it again.
  const lostWithStream = await droppedBefore(write, location, created);
  if (firstSequence === 1 && !lostWithStream)
    return { stream, begin, outbox: undefined, incomplete: undefined };
  const dropped = await droppedBefore(write, location);
  return {
    stream,
    begin,
    outbox: publishedBefore(write, { streamCreated: created, firstSequence }, pageSize),
    incomplete:
      dropped &&
      `stream ${topology.stream} begins with message ${firstSequence} of ${created}, and the outbox holds nothing from before ${dropped.toISOString()}`,
  };
}

async function* publishedBefore(
  write: Knex,
  before: { streamCreated: string; firstSequence: number },
  size: number,
): AsyncGenerator<readonly Candidate[]> {
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++) {
    for (let after = '0'; ;) {
      const rows = await readPublished(write, location, shard, before, { after, size });
      const last = rows.at(-1);
      if (!last) break;
      yield rows.map((row) => ({ id: row.id, read: () => eventOf(row) }));
      after = last.seq;
    }
  }
}

/** @throws Error naming the row when it is no event that this release can read. */
function eventOf({
  seq,
  eventType,
  payload,
}: {
  seq: string;
  eventType: string;
  payload: string;
}): DomainEvent {
  try {
    return parseEvent(JSON.parse(payload));
  } catch (error) {
    throw new Error(`outbox row ${seq} (${eventType}) cannot be read`, { cause: error });
  }
}
