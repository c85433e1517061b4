import type { Knex } from '../../db/connection.ts';
import type { SagaKind } from '../../domain/order.ts';
import type { SagaHealthState, TaskFailureCause } from '../../domain/saga-health.ts';

/** A saga that fails or is slow, as the last examination found it. */
export interface AilingSaga {
  readonly workflowId: string;
  readonly orderId: string;
  readonly saga: SagaKind;
  readonly step: string;
  /** ISO 8601, UTC: since when it fails, or is at its step. */
  readonly since: string;
  readonly ageSeconds: number;
  /** Of a slow one: how long the step takes at most. */
  readonly expectedSeconds: number | null;
  /** Of a failing one. */
  readonly cause: TaskFailureCause | null;
  readonly attempts: number | null;
}

/** Where a page ended: the next one goes on behind it. */
export type AilingCursor = Pick<AilingSaga, 'since' | 'workflowId'>;

interface AilingFilter {
  readonly state: SagaHealthState;
  readonly limit: number;
  readonly after?: AilingCursor | undefined;
}

type Row = Omit<AilingSaga, 'since'> & { since: Date };

// A page is a range of the index ailing_sagas_by_age. Its times have milliseconds, as a cursor has.
const selectPage = `
  select workflow_id as "workflowId", order_id as "orderId", saga, step, since,
    cast(greatest(extract(epoch from now() - since), 0) as integer) as "ageSeconds",
    cast(expected_ms / 1000 as integer) as "expectedSeconds", cause, attempts
  from read.ailing_sagas
  where state = :state
    and (cast(:afterSince as timestamptz) is null or (since, workflow_id) > (cast(:afterSince as timestamptz), :afterWorkflowId))
  order by since, workflow_id
  limit :limit`;

const selectExaminedAt = 'select ended_at as "examinedAt" from read.saga_examination';

interface AilingPage {
  readonly sagas: AilingSaga[];
  readonly next?: AilingCursor;
  /** ISO 8601, UTC; null before the first examination. */
  readonly examinedAt: string | null;
}

/** The sagas in that state, the oldest first. */
export async function listAilingSagas(db: Knex, { state, limit, after }: AilingFilter): Promise<AilingPage> {
  const [{ rows }, examination] = await Promise.all([
    db.raw<{ rows: Row[] }>(selectPage, {
      state,
      afterSince: after?.since ?? null,
      afterWorkflowId: after?.workflowId ?? null,
      limit: limit + 1,
    }),
    db.raw<{ rows: { examinedAt: Date | null }[] }>(selectExaminedAt),
  ]);
  const sagas = rows.slice(0, limit).map((row) => ({ ...row, since: row.since.toISOString() }));
  const last = sagas.at(-1);
  return {
    sagas,
    examinedAt: examination.rows[0]?.examinedAt?.toISOString() ?? null,
    ...(rows.length > limit && last ? { next: { since: last.since, workflowId: last.workflowId } } : {}),
  };
}
