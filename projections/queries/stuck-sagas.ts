import type { Knex } from '../../db/connection.ts';
import type { OrderSummary } from '../order-summary.ts';
import type { StuckSaga } from '../stuck-sagas.ts';

/** Where a page ended: the next one goes on behind it. */
export type StuckCursor = Pick<StuckSaga, 'cause' | 'since' | 'workflowId'>;

export interface StuckFilter {
  readonly cause?: string | undefined;
  /** Sagas, over all groups. */
  readonly limit: number;
  readonly after?: StuckCursor | undefined;
}

/** All sagas that wait for the same reason: figures of all, and those that are on the page. */
export interface StuckGroup extends Pick<StuckSaga, 'cause' | 'undo' | 'code'> {
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly oldestSince: string;
  /** The one that waits longest first. */
  readonly sagas: readonly ListedSaga[];
}

/** With the waiver that its order is asked for. */
type ListedSaga = StuckSaga & Pick<OrderSummary, 'waiver'>;

type GroupRow = Omit<StuckGroup, 'oldestSince'> & { oldestSince: Date };

// One statement, so that figures and sagas are of one moment. The page, and the figures of one cause, read the index
// stuck_sagas_by_cause; each saga's waiver is its order's. A cause is one undo step and one code, so that min() finds
// those.
const byCause = `
  with page as materialized (
    select workflow_id as "workflowId", order_id as "orderId", saga, undo, cause, code, detail, attempts, occurrence,
      since, total_minor as "totalMinor", currency
    from read.stuck_sagas
    where (cast(:cause as text) is null or cause = :cause)
      and (cast(:afterCause as text) is null
        or (cause, since, workflow_id) > (:afterCause, cast(:afterSince as timestamptz), :afterWorkflowId))
    order by cause, since, workflow_id
    limit :limit
  ), groups as (
    select cause, min(undo) as undo, min(code) as code, cast(count(*) as integer) as count, min(since) as "oldestSince"
    from read.stuck_sagas
    where cast(:cause as text) is null or cause = :cause
    group by cause
  )
  select groups.*, array(
    select to_jsonb(page) || jsonb_build_object('waiver', s.waiver)
    from page join read.order_summary s on s.order_id = page."orderId"
    where page.cause = groups.cause
    order by since, "workflowId"
  ) as sagas
  from groups
  order by cause`;

/**
 * Every group on every page, by cause; a page holds at most `limit` sagas of them all, the others' groups show none.
 * @returns the cursor when there are more.
 */
export async function stuckSagasByCause(
  db: Knex,
  { cause, limit, after }: StuckFilter,
): Promise<{ groups: StuckGroup[]; next?: StuckCursor }> {
  const { rows } = await db.raw<{ rows: GroupRow[] }>(byCause, {
    cause: cause ?? null,
    afterCause: after?.cause ?? null,
    afterSince: after?.since ?? null,
    afterWorkflowId: after?.workflowId ?? null,
    limit: limit + 1,
  });
  const page = rows.flatMap(({ sagas }) => sagas).map(withTimeInUtc);
  const shown = page.slice(0, limit);
  const groups = rows.map((group) => ({
    ...group,
    oldestSince: group.oldestSince.toISOString(),
    sagas: shown.filter((saga) => saga.cause === group.cause),
  }));
  const last = shown.at(-1);
  return page.length > limit && last
    ? { groups, next: { cause: last.cause, since: last.since, workflowId: last.workflowId } }
    : { groups };
}

/** PostgreSQL writes times into JSON in the session's time zone. */
const withTimeInUtc = (saga: ListedSaga): ListedSaga => ({
  ...saga,
  since: new Date(saga.since).toISOString(),
});
