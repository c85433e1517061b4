import type { Knex } from 'knex';
import { escapeIdentifier } from 'pg';
import type { TableMapping } from './capture.ts';
import type { OutboxLocation } from './location.ts';
import { run } from './statement.ts';
import { assertColumns, countShards, qualified } from './table.ts';
import { payloadsAsCaptured } from './schema/fixed-settings.ts';

type ImportedTable = Pick<TableMapping, 'table' | 'aggregateType' | 'idColumn' | 'payloadColumns'>;

interface ImportOptions {
  /** Type of the event that says what a row was when its events began. */
  readonly eventType: string;
  /** Rows per transaction. */
  readonly batchSize?: number;
}

/**
 * Makes one event of each row that has none yet, its first. Call it once changes become events, by `captureTable` or
 * by `append` with `nextVersion`: the row in outbox_versions decides between it and a writer who comes at the same
 * time. It may be stopped and repeated.
 * @returns how many events it made.
 */
export async function importTable(
  db: Knex,
  mapping: ImportedTable,
  { eventType, batchSize = 1_000 }: ImportOptions,
  location: OutboxLocation,
): Promise<number> {
  const { table, aggregateType, idColumn, payloadColumns } = mapping;
  await assertColumns(db, table, [idColumn, ...payloadColumns]);
  const shards = await countShards(db, location);
  const values = [aggregateType, idColumn, JSON.stringify(payloadColumns), eventType, shards, batchSize];
  let imported = 0;
  let page: ImportedPage | undefined;
  do {
    const behind: string[] = page ? [page.lastId] : [];
    [page] = await db.transaction(async (trx) => {
      await trx.raw(payloadsAsCaptured);
      return run<ImportedPage>(trx, importPage(mapping, location, behind.length > 0), [...values, ...behind]);
    });
    imported += page?.imported ?? 0;
  } while (page);
  return imported;
}

interface ImportedPage {
  readonly imported: number;
  readonly lastId: string;
}

// Pages by the id column's own index. A row whose first event a writer is just making is waited for, then left out.
function importPage(
  { table, idColumn }: ImportedTable,
  { schema }: OutboxLocation,
  isBehind: boolean,
): string {
  const [outbox, id] = [escapeIdentifier(schema), `t.${escapeIdentifier(idColumn)}`];
  return `
    with page as materialized (
      select to_jsonb(t) as row_data, to_jsonb(t) ->> cast($2 as text) as id, row_number() over (order by ${id}) as position
      from ${qualified(table.schema, table.name)} t
      ${isBehind ? `where ${id} > $7` : ''}
      order by ${id}
      limit cast($6 as integer)
    ), fresh as (
      insert into ${outbox}.outbox_versions (aggregate_type, aggregate_id, version)
      select cast($1 as text), id, 1 from page
      on conflict do nothing
      returning aggregate_id
    ), written as (
      insert into ${outbox}.outbox
        (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
      select gen_random_uuid(), ${outbox}.outbox_shard(id, cast($5 as integer)), cast($1 as text), id, 1,
        cast($4 as text), ${outbox}.outbox_payload(row_data, cast($3 as jsonb)), '{}'
      from page join fresh on fresh.aggregate_id = page.id
      order by position
      returning id
    )
    select id as "lastId", (select count(*)::integer from written) as imported
    from page
    order by position desc
    limit 1`;
}
