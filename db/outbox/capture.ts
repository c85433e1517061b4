import type { Knex } from 'knex';
import { escapeLiteral } from 'pg';
import type { OutboxLocation } from './location.ts';
import { run } from './statement.ts';
import { assertColumns, countShards, qualified, type TableName } from './table.ts';

/** How changes of a table's rows become events. */
export interface TableMapping {
  readonly table: TableName;
  readonly aggregateType: string;
  /** Names the aggregate: the primary key, or another column that is unique and never null. */
  readonly idColumn: string;
  /** Types of the events; what is left out makes none. */
  readonly events: { readonly insert?: string; readonly update?: string; readonly delete?: string };
  /** An update counts only when it changes one of these; absent: always. */
  readonly updateColumns?: readonly string[];
  /** The payload: these columns, under their own names, after the change – of a deleted row, before it. */
  readonly payloadColumns: readonly string[];
}

const TRIGGER = 'outbox_capture';
/** Creating a trigger waits for the table's writers, and new writers wait behind it; better to give up. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Makes events of each insert, update and delete from now on, in the transaction that does it, or changes the mapping
 * of a table that is captured already. TRUNCATE, and sessions that have triggers off, pass by unseen. All events of
 * the aggregate type must come from here, or take their shard from `shardOf` and their version from `nextVersion`.
 * @throws Error for a column that the table does not have; PostgreSQL's 55P03, to be tried again later, when the
 * table's writers do not let it in within two seconds.
 */
export async function captureTable(db: Knex, mapping: TableMapping, location: OutboxLocation): Promise<void> {
  const { table, idColumn, payloadColumns, updateColumns = [] } = mapping;
  await assertColumns(db, table, [idColumn, ...payloadColumns, ...updateColumns]);
  const shards = await countShards(db, location);
  await changeTrigger(
    db,
    `create or replace trigger ${TRIGGER}
     after insert or update or delete on ${qualified(table.schema, table.name)}
     for each row execute function ${qualified(location.schema, 'outbox_capture')}
       (${escapeLiteral(JSON.stringify({ ...mapping, shards }))})`,
  );
}

/** Ends the capture; the events that were made stay, and versions go on where they were if it begins again. */
export async function releaseTable(db: Knex, { schema, name }: TableName): Promise<void> {
  await changeTrigger(db, `drop trigger if exists ${TRIGGER} on ${qualified(schema, name)}`);
}

const changeTrigger = (db: Knex, statement: string): Promise<void> =>
  db.transaction(async (trx) => {
    await trx.raw("select set_config('lock_timeout', ?, true)", [String(LOCK_TIMEOUT_MS)]);
    await run(trx, statement, []);
  });
