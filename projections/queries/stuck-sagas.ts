import type { Knex } from '../../db/connection.ts';
import type { OrderSummary, StuckSaga } from '../order-summary.ts';

/** A saga that waits for an operator because an undo step has failed for good, with the waiver that is asked for. */
interface ListedSaga extends StuckSaga, Pick<OrderSummary, 'orderId' | 'totalMinor' | 'currency' | 'waiver'> {
  /** What it is grouped by: undo step and code. */
  readonly cause: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** Where a page ended: the next one goes on behind it. */
export type StuckCursor = Pick<ListedSaga, 'cause' | 'since' | 'workflowId'>;

export interface StuckFilter {
  readonly cause?: string | undefined;
  /** Sagas, over all groups. */
  readonly limit: number;
  readonly after?: StuckCursor | undefined;
}

/** All sagas that wait for the same reason: figures of all, and those that are on the page. */
export interface StuckGroup extends Pick<ListedSaga, 'cause' | 'undo' | 'code'> {
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly oldestSince: string;
  /** The one that waits longest first. */
  readonly sagas: readonly ListedSaga[];
}

type GroupRow = Omit<StuckGroup, 'oldestSince'> & { oldestSince: Date };

// One statement, so that figures and sagas are of one moment. Page and figures read the index order_summary_stuck,
// which holds nothing but what is stuck. A cause is one undo step and one code, so that min() finds those.
const byCause = `
  with page as materialized (
    select order_id as "orderId", stuck, stuck_cause as cause, stuck_since as since, stuck ->> 'workflowId' as workflow,
      total_minor as "totalMinor", currency, waiver
    from read.order_summary
    where stuck_cause is not null and (cast(:cause as text) is null or stuck_cause = :cause)
      and (cast(:afterCause as text) is null
        or (stuck_cause, stuck_since, stuck ->> 'workflowId')
          > (:afterCause, cast(:afterSince as timestamptz), :afterWorkflowId))
    order by stuck_cause, stuck_since, stuck ->> 'workflowId'
    limit :limit
  ), groups as (
    select stuck_cause as cause, min(stuck ->> 'undo') as undo, min(stuck ->> 'code') as code,
      cast(count(*) as integer) as count, min(stuck_since) as "oldestSince"
    from read.order_summary
    where stuck_cause is not null and (cast(:cause as text) is null or stuck_cause = :cause)
    group by stuck_cause
  )
  select groups.*, array(
    select to_jsonb(page) - 'stuck' - 'workflow' || stuck
    from page
    where page.cause = groups.cause
    order by since, workflow
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
