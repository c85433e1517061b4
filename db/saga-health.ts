import type { SagaKind } from '../domain/order.ts';
import {
  taskFailureCauses,
  type FailingSaga,
  type SagaHealth,
  type SagaHealthState,
  type SagaHealthSummary,
  type SlowSaga,
  type TaskFailureCause,
} from '../domain/saga-health.ts';
import type { Knex } from './connection.ts';

// A due time beyond the next interval is of a worker that examines less often.
const takeTurn = `
  update read.saga_examination set due_at = now() + :everyMs * interval '1 millisecond'
  where due_at <= now() or due_at > now() + :everyMs * interval '1 millisecond'
  returning now() as "beganAt"`;

/**
 * Of several workers, one examines the sagas in each interval.
 * @returns when the examination has begun by the database's clock; undefined when it is not the caller's turn
 */
export async function takeExaminationTurn(db: Knex, everyMs: number): Promise<Date | undefined> {
  const { rows } = await db.raw<{ rows: { beganAt: Date }[] }>(takeTurn, { everyMs });
  return rows[0]?.beganAt;
}

/** A statement takes 65,535 parameters. */
const ROWS_AT_A_TIME = 1_000;

/** Replaces what was found before the examination began; a worker may have added failing sagas since. */
export async function recordSagaHealth(
  db: Knex,
  { failing, slow }: SagaHealth,
  beganAt: Date,
): Promise<void> {
  const rows = [...failing.map(failingRow), ...slow.map(slowRow)];
  await db.transaction(async (trx) => {
    await trx('read.ailing_sagas')
      .where('found_at', '<', beganAt)
      .whereRaw('workflow_id <> all(?)', [rows.map((row) => row.workflow_id)])
      .del();
    await upsert(trx, rows);
    await trx('read.saga_examination').update({ ended_at: trx.fn.now() });
  });
}

/** Adds sagas that were found between two examinations. */
export const addFailingSagas = (db: Knex, failing: readonly FailingSaga[]): Promise<void> =>
  upsert(db, failing.map(failingRow));

async function upsert(db: Knex, rows: readonly AilingRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_A_TIME)
    await db('read.ailing_sagas')
      .insert(rows.slice(from, from + ROWS_AT_A_TIME).map((row) => ({ ...row, found_at: db.fn.now() })))
      .onConflict('workflow_id')
      .merge();
}

/** As written: a pg `bigint` takes a number. */
interface AilingRow {
  readonly workflow_id: string;
  readonly order_id: string;
  readonly saga: SagaKind;
  readonly step: string;
  readonly state: SagaHealthState;
  readonly since: Date;
  readonly expected_ms: number | null;
  readonly cause: TaskFailureCause | null;
  readonly attempts: number | null;
}

const failingRow = ({ workflowId, orderId, saga, step, cause, attempts, since }: FailingSaga): AilingRow => ({
  ...{ workflow_id: workflowId, order_id: orderId, saga, step, state: 'failing', since },
  ...{ expected_ms: null, cause, attempts },
});

const slowRow = ({ workflowId, orderId, saga, step, since, expectedMs }: SlowSaga): AilingRow => ({
  ...{ workflow_id: workflowId, order_id: orderId, saga, step, state: 'slow', since },
  ...{ expected_ms: expectedMs, cause: null, attempts: null },
});

/** Workflow ids of the sagas that were failing at the last examination, those that fail longest first. */
export async function knownFailing(db: Knex, limit: number): Promise<string[]> {
  const rows = await db<AilingRow>('read.ailing_sagas')
    .where({ state: 'failing' })
    .orderBy('since')
    .limit(limit)
    .select('workflow_id');
  return rows.map(({ workflow_id }) => workflow_id);
}

interface SummaryRow {
  readonly examinedAt: Date | null;
  readonly groups: readonly (Pick<AilingRow, 'state' | 'cause' | 'saga' | 'step'> & { count: number })[];
}

const selectSummary = `
  select ended_at as "examinedAt", array(
    select to_jsonb(counted)
    from (
      select state, cause, saga, step, count(*) as count
      from read.ailing_sagas
      group by state, cause, saga, step
    ) counted
  ) as groups
  from read.saga_examination`;

/** @returns undefined before the first examination */
export async function sagaHealthSummary(db: Knex): Promise<SagaHealthSummary | undefined> {
  const { rows } = await db.raw<{ rows: SummaryRow[] }>(selectSummary);
  const [row] = rows;
  if (!row?.examinedAt) return undefined;
  const failing = Object.fromEntries(taskFailureCauses.map((cause) => [cause, 0])) as Record<
    TaskFailureCause,
    number
  >;
  for (const { cause, count } of row.groups) if (cause !== null) failing[cause] += count;
  const slow = row.groups
    .filter(({ state }) => state === 'slow')
    .map(({ saga, step, count }) => ({ saga, step, count }));
  return { failing, slow, examinedAt: row.examinedAt };
}
