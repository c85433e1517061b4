/** What the outbox offers to those outside; it needs Knex and node-postgres, and nothing of the rest. */
export { append, appendStatement, type OutboxEvent } from './append.ts';
export { captureTable, releaseTable, type TableMapping } from './capture.ts';
export {
  FencedError,
  OutboxRefusedError,
  RowsRefusedError,
  StreamAheadError,
  StreamRefusedError,
} from './errors.ts';
export { importTable } from './import-table.ts';
export { installOutbox } from './install.ts';
export type { OutboxLocation } from './location.ts';
export { decideParked, listParked, type ParkedDecision, type ParkedRow } from './parking.ts';
export {
  type Publisher,
  type RelayObserver,
  type StoredMessage,
  type StreamAhead,
  type StreamPosition,
} from './ports.ts';
export { droppedBefore, readPublished } from './published.ts';
export { createRelay, type RelayOptions } from './relay.ts';
export { type OutboxRow } from './rows.ts';
export { shardOf } from './shard.ts';
export { type OutboxTransaction } from './statement.ts';
export { outboxStatus, type OutboxStatus } from './status.ts';
export { type TableName } from './table.ts';
export { nextVersion } from './versions.ts';
export { backlogOf, type Backlog } from './window.ts';
