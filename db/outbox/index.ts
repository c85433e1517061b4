/** What the outbox offers to those outside; it needs Knex and node-postgres, and nothing of the rest. */
export { append, type OutboxEvent } from './append.ts';
export { captureTable, releaseTable, type TableMapping } from './capture.ts';
export { FencedError, OutboxRefusedError } from './errors.ts';
export { importTable } from './import-table.ts';
export { installOutbox, type OutboxLocation } from './install.ts';
export {
  createRelay,
  type Publisher,
  type RelayObserver,
  type RelayOptions,
  type StreamPosition,
} from './relay.ts';
export { shardOf } from './shard.ts';
export { type OutboxTransaction } from './statement.ts';
export { type TableName } from './table.ts';
export { nextVersion } from './versions.ts';
export { backlogOf, type Backlog, type OutboxRow } from './window.ts';
