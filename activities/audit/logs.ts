import { OUTBOX_SHARDS, PARTITIONS, partitionOf } from '../../domain/topology.ts';
import { eventOrNothing } from '../../messaging/event-message.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import { scanStream } from '../../messaging/stream-scan.ts';
import type { StreamState } from '../../messaging/stream.ts';
import { outboxOf, scanOutbox, type Outboxed } from './outboxed.ts';
import { CannotLookError, currentStream, inSnapshot, type Sources } from './sources.ts';
import { withEvent, type Streamed } from './streamed.ts';
import { aggregateKey, interning, withVersion, type Versions } from './versions.ts';

/**
 * What outbox and stream hold of some aggregates: read once from the beginning, and on from there when more has come.
 * Some 100 bytes are remembered for each aggregate in each of them, and nothing of single events.
 */
export interface Logs {
  readonly outbox: Outboxed;
  readonly stream: ReadonlyMap<string, Streamed>;
  /** Reads on to the end of both, or to what of the stream is there at least. */
  readOn(state?: StreamState): Promise<void>;
  /** Looks through the outbox for these aggregates once more: a row that commits late is behind those that were read. */
  lookAgain(aggregateIds: readonly string[]): Promise<void>;
  /** Events by type, repeats left out, and messages that cannot be read. */
  readonly counted: { readonly types: ReadonlyMap<string, number>; readonly unreadable: number };
}

const PAGE_SIZE = 1_000;
const ALL_PARTITIONS = Array.from({ length: PARTITIONS }, (_, partition) => partition);

interface Wanted {
  /** Absent: all. */
  readonly partitions?: readonly number[];
  /** Only these orders or SKUs. Absent: all. */
  readonly only?: ReadonlySet<string>;
}

export function openLogs(
  sources: Sources,
  kind: 'orders' | 'products',
  { partitions = ALL_PARTITIONS, only }: Wanted = {},
): Logs {
  const { db, messaging, topology, signal, onProgress } = sources;
  const subjects = partitions.map((partition) => topology.subjectsIn(kind, partition));
  const outbox = new Map<string, Versions>();
  const stream = new Map<string, Streamed>();
  const internVersions = interning<Versions>((versions) => JSON.stringify(versions));
  const internStreamed = interning<Streamed>((streamed) => JSON.stringify(streamed));
  const types = new Map<string, number>();
  const positions = Array.from({ length: OUTBOX_SHARDS }, () => '0');
  const isWanted = (id: string): boolean => only?.has(id) ?? partitions.includes(partitionOf(id));
  let read: Pick<StreamState, 'created' | 'lastSequence'> | undefined;
  let unreadable = 0;

  return {
    outbox,
    stream,
    get counted() {
      return { types, unreadable };
    },
    readOn: async (state) => {
      for (let shard = 0; shard < OUTBOX_SHARDS; shard++) await readOutbox(shard);
      await readStream(state ?? (await currentStream(sources)));
    },
    lookAgain: async (aggregateIds) => {
      if (aggregateIds.length === 0) return;
      for (const [key, held] of await inSnapshot(db, (trx) => outboxOf(trx, aggregateIds)))
        outbox.set(key, held);
    },
  };

  async function readOutbox(shard: number): Promise<void> {
    for await (const rows of scanOutbox(db, shard, positions[shard] ?? '0')) {
      for (const { seq, aggregateType, aggregateId, aggregateVersion } of rows) {
        positions[shard] = seq;
        if ((aggregateType === 'order') !== (kind === 'orders') || !isWanted(aggregateId)) continue;
        const key = aggregateKey(aggregateType, aggregateId);
        outbox.set(key, internVersions(withVersion(outbox.get(key), aggregateVersion)));
      }
      signal?.throwIfAborted();
      onProgress(`reads the outbox: ${outbox.size} ${kind}`);
    }
  }

  async function readStream(state: StreamState): Promise<void> {
    if (read && read.created !== state.created)
      throw new CannotLookError(`stream ${topology.stream} was made anew meanwhile`);
    const after = read?.lastSequence ?? 0;
    if (state.lastSequence <= after) return;
    let reached = state.lastSequence;
    const { created } = state;
    const options = { stream: topology.stream, created, after, subjects, pageSize: PAGE_SIZE };
    for await (const messages of scanStream(messaging.require(), options)) {
      for (const message of messages) {
        add(message);
        reached = Math.max(reached, message.streamSequence);
      }
      signal?.throwIfAborted();
      onProgress(`reads the stream: ${stream.size} ${kind}`);
    }
    read = { created: state.created, lastSequence: reached };
  }

  function add(message: StreamMessage): void {
    const event = eventOrNothing(topology, message);
    // Told as a version that is missing.
    if (!event) {
      unreadable += 1;
      return;
    }
    if (!isWanted(event.aggregateId)) return;
    const key = aggregateKey(event.aggregateType, event.aggregateId);
    const before = stream.get(key);
    const after = withEvent(before, event);
    if (after === before) return;
    types.set(event.type, (types.get(event.type) ?? 0) + 1);
    stream.set(key, internStreamed(after));
  }
}
