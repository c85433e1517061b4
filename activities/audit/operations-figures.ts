import { summedUp, type AddedUp } from './figures.ts';

/** A duration counts in the slot of its logarithm to the base 1.1, from 1 ms on. */
const slotOf = (since: string, until: string): string => `
      1 + cast(ceil(
        ln(greatest(cast(1000 * extract(epoch from ${until} - ${since}) as float8), 1)) / ln(cast(1.1 as float8))
      ) as integer)`;

const compare = `
  with happened as (
    select happening.*
    from read.operations_runs
    cross join lateral (values
      (accepted_at, 'accepted', '', 0),
      (completed_at, 'completed', '', ${slotOf('accepted_at', 'completed_at')}),
      (cancelled_at, 'cancelled', coalesce(cause, ''), 0),
      (delivered_at, 'delivered', '', 0),
      (refunded_at, 'refunded', coalesce(cause, ''), 0)
    ) as happening (at, what, cause, slot)
    where happening.at is not null
    union all
    select happening.*
    from read.operations_runs
    cross join lateral jsonb_to_recordset(waits) as wait (cause text, since timestamptz, until timestamptz)
    cross join lateral (values
      (wait.since, 'stuck', wait.cause, 0),
      (wait.until, 'resolved', wait.cause, ${slotOf('wait.since', 'wait.until')})
    ) as happening (at, what, cause, slot)
    where waits <> '[]' and happening.at is not null
  ), added as (
    select date_bin('15 minutes', at, timestamptz '2000-01-01 00:00+00') as bucket, what, cause, slot,
      count(*) as times
    from happened
    group by 1, what, cause, slot
  ), shown as (
    select bucket, what, cause, cast(slot as integer) as slot, cast(sum(times) as bigint) as times
    from read.operations
    group by bucket, what, cause, slot
    having sum(times) <> 0
  ), compared as materialized (
    select
      concat_ws(' ', to_char(bucket at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), what, nullif(cause, ''),
        'slot ' || nullif(slot, 0)) as key,
      added, shown, added is distinct from shown as differs
    from added full join shown using (bucket, what, cause, slot)
  )
  ${summedUp}`;

/** What happened to orders in each quarter of an hour, and how long it took. */
export const operationsFigures: AddedUp = {
  check: 'operations',
  name: 'quarter of an hour from',
  compare,
};
