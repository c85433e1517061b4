import {
  DiscardPolicy,
  nanos,
  NatsError,
  RetentionPolicy,
  StorageType,
  type NatsConnection,
  type StoredMsg,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import type { Topology } from '../domain/topology.ts';

/** One stream, told from an earlier one of the same name by when it was created. */
export interface StreamState {
  /** ISO 8601, as the server says it. */
  readonly created: string;
  /** Of the first message that it still holds; 1 also before there is one. */
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** JetStream refuses the same message id for this long; consumers recognise repeats beyond it. */
const DUPLICATE_WINDOW_MS = 120_000;

/** The name is newer than the client's types. */
type AtomicStreamConfig = StreamConfig & { allow_atomic?: boolean };

const LOOK_WITHIN_MS = 2_000;

/**
 * Whether a server answers at once and holds nothing new, after it has left a message without an answer.
 * @param before sequence that the stream had reached before that
 */
export async function storesNothing(
  connection: NatsConnection,
  stream: string,
  before: number,
): Promise<boolean> {
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false, timeout: LOOK_WITHIN_MS });
    const { state } = await manager.streams.info(stream);
    return state.last_seq <= before;
  } catch (error) {
    if (error instanceof NatsError) return false;
    throw error;
  }
}

/**
 * Makes the stream when it is missing and brings its settings up to date.
 * @throws Error when the server cannot publish a batch atomically (nats-server before 2.12).
 */
export async function ensureStream(
  connection: NatsConnection,
  topology: Pick<Topology, 'stream' | 'streamSubjects'>,
): Promise<StreamState> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const config: Partial<AtomicStreamConfig> & { name: string } = {
    name: topology.stream,
    subjects: [...topology.streamSubjects],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_atomic: true,
  };
  const present = await streamInfo(connection, topology.stream);
  const isCurrent =
    present?.config.allow_atomic === true &&
    present.config.duplicate_window === config.duplicate_window &&
    present.config.subjects.join() === config.subjects?.join();
  if (present && isCurrent) return stateOf(present);
  const info = present
    ? await manager.streams.update(topology.stream, config)
    : await manager.streams.add(config);
  if ((info.config as AtomicStreamConfig).allow_atomic !== true) {
    throw new Error(
      `the NATS server cannot publish a batch atomically; nats-server 2.12 or newer is needed for stream ${topology.stream}`,
    );
  }
  return stateOf(info);
}

/** @returns undefined while there is no such stream. */
export async function streamState(
  connection: NatsConnection,
  stream: string,
): Promise<StreamState | undefined> {
  const info = await streamInfo(connection, stream);
  return info && stateOf(info);
}

/**
 * @returns the id under which a message was published, undefined when there is no such message. Empty for one without
 * an id, or whose headers the client cannot parse: a relay gives each message an id, so others published it.
 */
export async function messageIdAt(
  connection: NatsConnection,
  { stream }: Pick<Topology, 'stream'>,
  sequence: number,
): Promise<string | undefined> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    return idIn(await manager.streams.getMessage(stream, { seq: sequence }));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The client parses headers when they are asked for. */
function idIn(message: StoredMsg): string {
  try {
    return message.header.get('Nats-Msg-Id');
  } catch {
    return '';
  }
}

async function streamInfo(
  connection: NatsConnection,
  stream: string,
): Promise<(StreamInfo & { config: AtomicStreamConfig }) | undefined> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const stateOf = (info: StreamInfo): StreamState => ({
  created: info.created,
  firstSequence: Math.max(1, info.state.first_seq),
  lastSequence: info.state.last_seq,
});

/** Whether JetStream says that there is no such thing. */
const isMissing = (error: unknown): boolean => error instanceof NatsError && error.api_error?.code === 404;
