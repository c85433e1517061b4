import { ErrorCode, NatsError } from 'nats';
import { RowsRefusedError, StreamRefusedError } from '../../db/outbox/errors.ts';
import type { OutboxRow } from '../../db/outbox/rows.ts';
import type { Publisher, StoredMessage, StreamPosition } from '../../db/outbox/ports.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import {
  PublishRefusedError,
  stageInOrder,
  type OutgoingMessage,
  type PublishedAs,
} from '../../messaging/publish.ts';
import { scanStream, type ScannedMessage } from '../../messaging/stream-scan.ts';
import { ensureStream, messageIdAt, storesNothing } from '../../messaging/stream.ts';

type PublishedTopology = Pick<Topology, 'stream' | 'streamSubjects' | 'subjectOf'>;

/** What the CloudEvents source of the application's events begins with. */
export const EVENT_SOURCE = '/durable-orders';
const SCAN_PAGE = 1_000;

/** Whether an outbox published this message: others may publish to the same subjects, and name another source. */
export const isPublishedBy = (source: string, { id, header }: ScannedMessage): boolean =>
  id() !== undefined && header('ce-source').startsWith(`${source}/`);

/**
 * NATS answers, and nothing of what is published gets into the stream: nats-server does so once its disk was full, until
 * it is restarted. It may look the same when a batch goes beyond the limit of the account.
 */
export class NothingStoredError extends StreamRefusedError {
  constructor(cause: unknown) {
    super(
      'nats-server answers and stores nothing, as when its disk is or was full, or its account has no room; see its log, ' +
        'make room, and restart nats-server',
      { mayBeOneRow: false, cause },
    );
  }
}

interface Deps {
  readonly messaging: Messaging;
  readonly topology: PublishedTopology;
  /** What the events' CloudEvents source begins with. */
  readonly source?: string;
  /** Filters for the messages of the relay's shard. Absent: a database that was set back is not noticed. */
  readonly subjects?: readonly string[];
  /** Told how each page went out. */
  readonly onPage: (as: PublishedAs) => void;
}

/**
 * Publishes outbox rows to the stream. Each loss of the connection, and each answer that shows the stream went
 * back, is an error: the relay then looks again where the stream is before it publishes on.
 */
export function createStreamPublisher(deps: Deps): Publisher {
  const { messaging, topology, source = EVENT_SOURCE, subjects, onPage } = deps;
  let known: (StreamPosition & { connections: number }) | undefined;

  return {
    get lastPosition() {
      return known;
    },

    position: async () => {
      const { connections } = messaging;
      const state = await ensureStream(messaging.require(), topology);
      known = { ...state, connections };
      return state;
    },

    idAt: (sequence) => messageIdAt(messaging.require(), topology, sequence),
    ...(subjects && { storedBehind: (sequence) => storedBehind(sequence, subjects) }),

    publish: (rows) => stage(rows)(),
    stage,
  };

  async function* storedBehind(
    after: number,
    filters: readonly string[],
  ): AsyncGenerator<readonly StoredMessage[]> {
    const { stream } = topology;
    const scan = scanStream(messaging.require(), { stream, after, subjects: filters, pageSize: SCAN_PAGE });
    for await (const messages of scan)
      yield messages
        .filter((message) => isPublishedBy(source, message))
        .map((message) => ({
          id: message.id() ?? '',
          sequence: message.streamSequence,
          storedAt: message.storedAt(),
        }));
  }

  /** A row that cannot be made into a message is at fault by itself. @throws RowsRefusedError */
  function messageOf(row: OutboxRow): OutgoingMessage {
    try {
      return toMessage(row, topology, source);
    } catch (error) {
      if (error instanceof RowsRefusedError) throw error;
      throw new RowsRefusedError('the event cannot be made into a message', { cause: error });
    }
  }

  function stage(rows: readonly OutboxRow[]): () => Promise<StreamPosition> {
    const { connections } = messaging;
    const staged = orRejecting(() =>
      stageInOrder(
        messaging.require(),
        rows.map((row) => messageOf(row)),
      ),
    );
    return async () => {
      if (known?.connections !== connections || messaging.connections !== connections) {
        throw new Error('the connection to NATS was lost; looking again where the stream is');
      }
      const { lastSequence: before } = known;
      const { lastSequence, firstNew, as } = await staged().catch(async (error: unknown) => {
        const isUnanswered = error instanceof NatsError && error.code === (ErrorCode.Timeout as string);
        if (isUnanswered && (await storesNothing(messaging.require(), topology.stream, before)))
          throw new NothingStoredError(error);
        return asRefusal(error);
      });
      onPage(as);
      // A repeat is answered with the sequence it had before, so only what is new must lie beyond what was known.
      if (firstNew !== undefined && firstNew <= known.lastSequence) {
        throw new Error(`the stream went back: it stored at ${firstNew}, ${known.lastSequence} was known`);
      }
      known = { ...known, lastSequence: Math.max(known.lastSequence, lastSequence) };
      return { created: known.created, lastSequence };
    };
  }
}

/** What is thrown at the beginning is thrown at the end, as all else is. */
function orRejecting<T>(begin: () => () => Promise<T>): () => Promise<T> {
  try {
    return begin();
  } catch (error) {
    return () => Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

// What is parked needs a person, so a row is blamed only for what is known to be its own fault. Codes of JetStream are
// in nats-server's errors.json; one that is in neither list, such as those of later servers, may be anybody's fault.
const ROW_AT_FAULT: ReadonlyMap<string | number, string> = new Map<string | number, string>([
  [10_054, 'the event is larger than the stream accepts'],
  [10_097, 'the headers of the event are larger than JetStream accepts'],
  [ErrorCode.MaxPayloadExceeded, 'the event is larger than the NATS server accepts'],
  [ErrorCode.BadSubject, 'NATS does not accept the subject'],
  [ErrorCode.BadHeader, 'NATS does not accept a header of the event'],
]);
/** Account, server and stream have no room: neighbours that are smaller may still pass, and say nothing about the row. */
const NO_ROOM: ReadonlySet<number> = new Set([10_002, 10_023, 10_028, 10_047, 10_077]);
/** What the client or the server says without a code of JetStream. */
const REFUSED_WITHOUT_CODE: ReadonlyMap<string, string> = new Map([
  [ErrorCode.PermissionsViolation, 'the NATS server does not permit the worker to publish to the subject'],
  [ErrorCode.NoResponders, 'no stream takes the subject'],
]);

/**
 * Why a row is parked or a shard stands still, as operators read it: the server's words stay in the log.
 * @throws RowsRefusedError for what no repetition changes, StreamRefusedError for what the server has refused for another
 * reason; else the error itself
 */
function asRefusal(error: unknown): never {
  const code =
    error instanceof PublishRefusedError ? error.errCode : error instanceof NatsError ? error.code : '';
  const fault = ROW_AT_FAULT.get(code);
  if (fault !== undefined) throw new RowsRefusedError(fault, { cause: error });
  if (typeof code === 'number') {
    const hasNoRoom = NO_ROOM.has(code);
    const text = hasNoRoom
      ? `the stream has no room (JetStream error ${code})`
      : `the stream refused the event with JetStream error ${code}`;
    throw new StreamRefusedError(text, { mayBeOneRow: !hasNoRoom, cause: error });
  }
  // The connection, the server or the stream is in trouble, and others say which.
  if (code === (ErrorCode.Timeout as string))
    throw new StreamRefusedError('the stream does not answer', { mayBeOneRow: false, cause: error });
  const refused = REFUSED_WITHOUT_CODE.get(code);
  if (refused !== undefined) throw new StreamRefusedError(refused, { mayBeOneRow: true, cause: error });
  throw error;
}

/**
 * The payload is the event itself; CloudEvents 1.0 attributes are headers, as its NATS binding has them.
 * @throws RowsRefusedError for headers that are no texts by name: the column holds any JSON
 */
export function toMessage(
  row: OutboxRow,
  topology: PublishedTopology,
  source = EVENT_SOURCE,
): OutgoingMessage {
  const { id, eventType, aggregateType, aggregateId, aggregateVersion } = row;
  const headers: Record<string, string> = {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': eventType,
    'ce-source': `${source}/${aggregateType}s`,
    'ce-subject': aggregateId,
    'ce-sequence': String(aggregateVersion),
    'ce-datacontenttype': 'application/json',
  };
  // One by one: an object that is spread into another takes ten times as long, and so does all that is done with it.
  const given: unknown = row.headers;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new RowsRefusedError('the headers of the event are not a JSON object');
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
    if (typeof value !== 'string') throw new RowsRefusedError('a header of the event is not text');
    if (!Object.hasOwn(headers, name)) headers[name] = value;
  }
  return {
    id,
    subject: topology.subjectOf({ aggregateType, aggregateId, type: eventType }),
    body: row.payload,
    headers,
  };
}
