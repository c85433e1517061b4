import type { Cursor } from './cursor.ts';
import type { OutboxRow } from './rows.ts';

/** One stream, told from an earlier one of the same name by when it was created. */
export interface StreamPosition {
  readonly created: string;
  readonly lastSequence: number;
}

/** A message that a relay published. */
export interface StoredMessage {
  /** Id of the row. */
  readonly id: string;
  readonly sequence: number;
  /** When the stream stored it, by the stream's clock. */
  readonly storedAt: Date;
}

/** The first message of a shard that the database does not know. */
export interface StreamAhead {
  /** `created` of the stream. */
  readonly created: string;
  readonly sequence: number;
  readonly id: string;
}

/** Where the relay publishes to. */
export interface Publisher {
  /**
   * Publishes all rows durably and in this order, or throws; what was published before may be published again.
   * @returns the position of the last row's message.
   * @throws RowsRefusedError when the stream will never take one of them, StreamRefusedError when it takes none of them
   * now and one of them may be the reason; any other error may pass by itself.
   */
  publish(rows: readonly OutboxRow[]): Promise<StreamPosition>;
  /**
   * Sends what of a page can be sent before the page in front of it is acknowledged. Nothing of it may be in the stream
   * before the rest is asked for, which may never be. Without it, pages are sent when their turn has come.
   * @returns what publishes the rows, as `publish` does, and throws what it throws.
   */
  stage?(rows: readonly OutboxRow[]): () => Promise<StreamPosition>;
  /** Asks where the stream is now; makes the stream when it is missing. */
  position(): Promise<StreamPosition>;
  /**
   * Id of the row whose message lies at this sequence, undefined when there is none, empty for a message that no relay
   * published. Without it, what a stream has lost is missed where others have filled it up again since.
   */
  idAt?(sequence: number): Promise<string | undefined>;
  /**
   * The messages of this relay's shard behind a sequence, up to the stream's present end, in order and page by page;
   * messages of other publishers are left out. Without it, a database that was set back is not noticed.
   */
  storedBehind?(sequence: number): AsyncIterable<readonly StoredMessage[]>;
  /** What `position` and `publish` last found out. */
  readonly lastPosition: StreamPosition | undefined;
}

/** What a relay tells whoever watches it. */
export interface RelayObserver {
  claimed(shard: number, epoch: string): void;
  published(shard: number, rows: readonly OutboxRow[], seconds: number): void;
  /** All that was committed before `asOf` is published, and lies in the stream at or before the position. */
  caughtUp(shard: number, asOf: Date, position: StreamPosition): void;
  /** The stream lost messages; they are published again. */
  rewound(shard: number, to: Cursor): void;
  /** The database does not know this message: it was set back, and the relay publishes nothing. */
  streamAhead(shard: number, ahead: StreamAhead): void;
  /** A row cannot be published: it waits for an operator, and its aggregate's later rows wait behind it. */
  parked(shard: number, row: OutboxRow, cause: string): void;
  /** The stream refuses a row and takes others: the row is tried again apart from them, and parked if that goes on. */
  setAside?(shard: number, row: OutboxRow, cause: string): void;
  /** Something did not answer; tried again after `delayMs`. */
  failed(shard: number, error: unknown, delayMs: number): void;
}
