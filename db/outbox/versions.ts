import { escapeIdentifier } from 'pg';
import type { OutboxLocation } from './location.ts';
import { run, type OutboxTransaction } from './statement.ts';

interface Aggregate {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/**
 * Counts the version of an aggregate that keeps none itself: 1, 2, 3…, a rolled-back one given out again. Other
 * writers of the aggregate wait here until the caller's transaction ends; write its event in the same one.
 */
export async function nextVersion(
  trx: OutboxTransaction,
  { aggregateType, aggregateId }: Aggregate,
  { schema }: OutboxLocation,
): Promise<number> {
  const [row] = await run<{ version: number }>(
    trx,
    `select ${escapeIdentifier(schema)}.outbox_next_version($1, $2) as version`,
    [aggregateType, aggregateId],
  );
  if (!row) throw new Error('the next version was not given');
  return row.version;
}
